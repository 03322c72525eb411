"""Ways of looking at an article's text that several rules share."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence

from agent.article import Article, prose
from agent.checks.page import Page
from agent.records import Severity

Pattern = tuple[Severity, re.Pattern[str]]

LONGEST_LINE = 10_000
"""Characters; what stands beyond in one line is not looked at, so that no line takes a pattern for ever."""

_SAID = re.compile(r"“[^“”\n]*”|「[^「」\n]*」|『[^『』\n]*』|‘[^‘’\n]*’|(?<![\w\"])\"[^\"\n]*\"(?!\w)")
_HIDDEN = frozenset({"fence", "indented", "code", "comment", "raw"})


def said(article: Article) -> list[str]:
    """The lines as a reader sees them: prose, mathematics, HTML. Code, comments, front matter are blank."""
    text = article.text
    parts = [_blank(text[: article.body])]
    end = article.body
    for span in article.spans:
        if span.kind in _HIDDEN and span.start >= end:
            parts += [text[end : span.start], _blank(text[span.start : span.stop])]
            end = span.stop
    return _lines("".join([*parts, text[end:]]))


def prose_lines(article: Article) -> list[str]:
    """The lines with mathematics, code, comments, tags and front matter blanked out."""
    return _lines(prose(article))


def _lines(text: str) -> list[str]:
    return [line[:LONGEST_LINE] for line in text.replace("\r\n", "\n").split("\n")]


def _blank(text: str) -> str:
    return re.sub(r"[^\r\n]", " ", text)


def scan(
    page: Page, patterns: Sequence[Pattern], *, quotes: bool = True
) -> Iterator[tuple[Severity, str, int, int]]:
    """(severity, what was hit, line, column) for every place a pattern finds; overlapping places once.

    With ``quotes``, what stands in quotation marks or in a block quote is at most a warning: it may be a
    dialogue that the article reports.
    """
    for number, line in enumerate(said(page.article), start=1):
        if not line.strip():
            continue
        taken: list[tuple[int, int]] = []
        for severity, pattern in patterns:
            for match in pattern.finditer(line):
                start, stop = match.span()
                if any(start < b and a < stop for a, b in taken):
                    continue
                taken.append((start, stop))
                reported = quotes and severity == "error" and _is_quoted(line, start, stop)
                shown = match.group().lstrip(' \t。！？!?；*>“「『"').rstrip()
                yield "warning" if reported else severity, _shortened(shown), number, start + 1


def _is_quoted(line: str, start: int, stop: int) -> bool:
    if line.lstrip().startswith(">"):
        return True
    return any(m.start() <= start and stop <= m.end() for m in _SAID.finditer(line))


def _shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Places:
    """Offsets in ``Article.text`` to 1-based (line, column), and back."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column - 1

    def __call__(self, offset: int) -> tuple[int, int]:
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
