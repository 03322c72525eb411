"""What the prompts are given of an article: its text with line numbers, and its labelled formulas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from agent.article import Anchor, Article, stub_lines
from agent.checks import prelude

BOILERPLATE = re.compile(
    r"转载到请包括本文地址|更详细的转载事宜|如果您还有什么疑惑|如果您觉得本文还不错|如果您需要引用本文"
)
"""First words of the copyright and tipping paragraphs that blog engines append; they carry nothing to expand."""
TAGS = re.compile(
    r"</?(?=(?:原文|前篇摘要|精读|符号表|结论表|实验表|分工|可引文献|现稿|文稿|问题|见证|输出|代码)>)"
)
"""Tags that frame the prompts; in an article's text they could pass for ours."""


def defuse(text: str) -> str:
    """Text of others for use inside a prompt: tags that frame prompts are broken up."""
    return TAGS.sub(lambda m: m[0] + " ", text)


@dataclass(frozen=True)
class Material:
    """An article as the prompts see it. Line numbers are those of the file."""

    slug: str
    article: Article

    @cached_property
    def numbered(self) -> str:
        """Body with line numbers, without front matter, stub and copyright tail."""
        rows = []
        hidden = self._hidden()
        for number, line in enumerate(self.article.lines, 1):
            if number not in hidden:
                rows.append(f"{number} {line.rstrip()}" if line.strip() else "")
        return defuse(re.sub(r"\n{3,}", "\n\n", "\n".join(rows)).strip("\n"))

    @cached_property
    def labels(self) -> frozenset[str]:
        return frozenset(x for f in self.article.formulas for x in f.labels)

    @cached_property
    def source_formulas(self) -> str:
        """One row for each labelled display: label, then its TeX."""
        rows = [
            f"{'、'.join(f.labels)}：{' '.join(f.tex.split())}"
            for f in self.article.formulas
            if f.kind == "display" and f.labels
        ]
        return defuse("\n".join(rows)) or "（无）"

    @cached_property
    def prelude(self) -> tuple[str, ...]:
        """TeX that defines the macros and labels which later formulas rely on."""
        return prelude.of(self.article)

    @property
    def first_heading(self) -> int | None:
        """Line of the first h2: what stands before it is the introduction."""
        return next((h.line for h in self.article.headings if h.level == 2), None)

    def heading_before(self, line: int) -> str:
        """Text of the h2 or h3 that a line stands under; empty before the first."""
        before = [h for h in self.article.headings if h.line <= line and h.level in (2, 3)]
        return before[-1].text if before else ""

    def around(self, anchor: Anchor, width: int = 160) -> tuple[str, str]:
        """The end of what a reader has read before an anchor, and the start of what follows it."""
        lines = self.article.lines
        before = " ".join(x.strip() for x in lines[: anchor.line - 1][-12:] if x.strip())
        after = " ".join(x.strip() for x in lines[anchor.line - 1 :][:12] if x.strip())
        return defuse(before[-width:]), defuse(after[:width])

    def _hidden(self) -> frozenset[int]:
        hidden: set[int] = set()
        front = self.article.front
        if front is not None:
            hidden.update(range(front.first, front.last + 1))
        stub = stub_lines(self.article)
        if stub is not None:
            hidden.update(range(stub[0], stub[1] + 1))
            hidden.update(
                h.line for h in self.article.headings if h.line == _heading_above(self.article, stub[0])
            )
        start = self.tail_start
        later = [h.line for h in self.article.headings if h.line > start]
        hidden.update(range(start, min([*later, len(self.article.lines) + 1])))
        return frozenset(hidden)

    @property
    def tail_start(self) -> int:
        """First line of the copyright tail; one past the end where there is none."""
        tail = (b.first for b in self.article.blocks if BOILERPLATE.search(b.text))
        return next(tail, len(self.article.lines) + 1)


def _heading_above(article: Article, line: int) -> int:
    return max((h.line for h in article.headings if h.line < line), default=0)
