"""Measuring a text. Every definition stands once, in docs/measures.md."""

from __future__ import annotations

from collections.abc import Callable

from agent.article import Article
from agent.records import Measure, TargetResult, Targets


def measure(article: Article, *, count: Callable[[str], int] | None = None) -> Measure:
    """What ``article`` holds. ``count`` counts tokens; without it ``tokens`` stays None."""
    raise NotImplementedError


def quick(data: bytes) -> tuple[int, int]:
    """``(lines, formulas)`` of a file, exactly as ``measure`` has them, without building an Article.

    Raises NotUtf8."""
    raise NotImplementedError


def added(before: Measure, after: Measure) -> Measure:
    """``after`` minus ``before``, field by field; languages, levels and classes that did not change are left out."""
    raise NotImplementedError


def meets(targets: Targets, before: Measure, after: Measure) -> tuple[TargetResult, ...]:
    """One result for each target that asks for something (``lines``, ``formulas``); they apply to the file's
    total, or to what was added where ``targets.added`` says so."""
    raise NotImplementedError
