"""Measuring a text. Every definition stands once, in docs/measures.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from agent.article import Article, prose
from agent.article.frontmatter import body_start
from agent.article.scan import scan
from agent.article.substance import substance_lines
from agent.article.text import decode
from agent.records import Measure, TargetResult, Targets

# CJK ideographs: unified, extension A, compatibility, and the supplementary planes 2 and 3.
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAN_CHAR = re.compile(f"[{_HAN}]")
# Kana and Hangul are no words between spaces either.
_WORD = re.compile(rf"[^\W_{_HAN}\u3040-\u30ff\uac00-\ud7af]+")


def measure(article: Article, *, count: Callable[[str], int] | None = None) -> Measure:
    """What ``article`` holds. ``count`` counts tokens; without it ``tokens`` stays None."""
    displays = article.displays
    plain = prose(article)
    return Measure(
        lines=article.data.count(b"\n"),
        substance_lines=len(substance_lines(article)),
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


def _counted(names: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(names).items()))


def _difference(before: Mapping[str, int], after: Mapping[str, int]) -> Mapping[str, int]:
    names = sorted({*before, *after})
    found = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    return {name: change for name, change in found.items() if change}
