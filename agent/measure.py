"""Measuring a text. Every definition stands once, in docs/measures.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from agent.article import Article, prose
from agent.article.frontmatter import body_start
from agent.article.scan import scan
from agent.article.text import decode
from agent.records import Measure, TargetResult, Targets

# CJK ideographs: unified, extension A, compatibility, and the supplementary planes 2 and 3.
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAN_CHAR = re.compile(f"[{_HAN}]")
# Kana and Hangul are no words between spaces either.
_WORD = re.compile(rf"[^\W_{_HAN}\u3040-\u30ff\uac00-\ud7af]+")
_HTML_ONLY = re.compile(
    r"(?>(?:\s++|</?[A-Za-z][A-Za-z0-9-]*+(?:\s[^<>]*+)?/?>|<!--(?>(?:[^-]++|-(?!->))*)-->)+)"
)


def measure(article: Article, *, count: Callable[[str], int] | None = None) -> Measure:
    """What ``article`` holds. ``count`` counts tokens; without it ``tokens`` stays None."""
    displays = article.displays
    plain = prose(article)
    return Measure(
        lines=article.data.count(b"\n"),
        substance_lines=_substance(article),
        formulas=len(displays),
        numbered=sum(formula.numbered for formula in displays),
        inline_formulas=len(article.formulas) - len(displays),
        code_blocks=_counted(code.language for code in article.codes),
        headings=_counted(str(heading.level) for heading in article.headings),
        boxes=_counted(box.name for box in article.boxes),
        han_chars=len(_HAN_CHAR.findall(plain)),
        words=len(_WORD.findall(plain)),
        tokens=None if count is None else count(article.text),
    )


class Glance(NamedTuple):
    """What of a file can be told without building an Article."""

    lines: int
    """Newline-terminated lines."""
    formulas: int
    """Display blocks."""
    inline: int
    """Inline formulas."""
    chars: int
    """Characters of the text, front matter included."""


def glance(data: bytes) -> Glance:
    """The figures of a file, exactly as ``measure`` has them, without building an Article.

    Raises NotUtf8, which then names no file."""
    body = body_start(data)
    text = decode(data, "the file")
    start = len(data[:body].decode()) if body else 0
    kinds = [token.kind for token in scan(text, start).tokens]
    return Glance(data.count(b"\n"), kinds.count("display"), kinds.count("inline"), len(text))


def quick(data: bytes) -> tuple[int, int]:
    """``(lines, formulas)`` of `glance`."""
    return glance(data)[:2]


def added(before: Measure, after: Measure) -> Measure:
    """``after`` minus ``before``, field by field; languages, levels and classes that did not change are left
    out."""
    no_tokens = before.tokens is None or after.tokens is None
    return Measure(
        lines=after.lines - before.lines,
        substance_lines=after.substance_lines - before.substance_lines,
        formulas=after.formulas - before.formulas,
        numbered=after.numbered - before.numbered,
        inline_formulas=after.inline_formulas - before.inline_formulas,
        code_blocks=_difference(before.code_blocks, after.code_blocks),
        headings=_difference(before.headings, after.headings),
        boxes=_difference(before.boxes, after.boxes),
        han_chars=after.han_chars - before.han_chars,
        words=after.words - before.words,
        tokens=None if no_tokens else (after.tokens or 0) - (before.tokens or 0),
    )


def meets(targets: Targets, before: Measure, after: Measure) -> tuple[TargetResult, ...]:
    """One result for each target that asks for something (``lines``, ``formulas``); they apply to the file's
    total, or to what was added where ``targets.added`` says so."""
    reached = added(before, after) if targets.added else after
    wanted = (("lines", targets.lines, reached.lines), ("formulas", targets.formulas, reached.formulas))
    return tuple(TargetResult(name, goal, got) for name, goal, got in wanted if goal > 0)


def _substance(article: Article) -> int:
    """Newline-terminated lines that are not blank, not HTML-only and not a fence."""
    fences: set[int] = set()
    code: set[int] = set()
    for block in article.codes:
        fences.add(block.line)
        if block.closed:
            fences.add(block.last_line)
        code.update(range(block.line + 1, block.last_line + 1))
    hidden = _comment_lines(article)
    total = 0
    for number, row in enumerate(article.lines, start=1):
        if not row.strip() or number in fences:
            continue
        if number in code or (number not in hidden and not _HTML_ONLY.fullmatch(row)):
            total += 1
    return total


def _comment_lines(article: Article) -> set[int]:
    """Lines that hold nothing but a part of an HTML comment."""
    hidden: set[int] = set()
    text = article.text
    line = 1
    pos = 0
    for span in article.spans:
        if span.kind != "comment":
            continue
        line += text.count("\n", pos, span.start)
        inside = text.count("\n", span.start, span.stop)
        if inside:
            begin = text.rfind("\n", 0, span.start) + 1
            end = text.find("\n", span.stop)
            first = line if not text[begin : span.start].strip() else line + 1
            rest = text[span.stop : end if end >= 0 else len(text)]
            last = line + inside if not rest.strip() else line + inside - 1
            hidden.update(range(first, last + 1))
        line += inside
        pos = span.stop
    return hidden


def _counted(names: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(names).items()))


def _difference(before: Mapping[str, int], after: Mapping[str, int]) -> Mapping[str, int]:
    names = sorted({*before, *after})
    found = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    return {name: change for name, change in found.items() if change}
