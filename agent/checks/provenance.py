"""Whose line is it? The author's own text is the author's: what was wrong before is told from what is new."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from agent.checks.page import Page
from agent.records import Finding

IN_THE_SOURCE = " (already in the source)"
THE_AUTHORS = " (the author's own line)"
_LINE_NUMBER = re.compile(r"\bline \d+")


def ours(page: Page) -> frozenset[int]:
    """Lines (1-based) that were added. Everything, where nothing is known about the text's origin."""
    every = frozenset(range(1, len(page.article.lines) + 1))
    if page.ours is not None:
        return frozenset(line for first, last in page.ours for line in range(first, last + 1))
    if page.is_part or page.source is None:
        return every
    return every - _unchanged(page.article.lines, page.source.lines)


def _unchanged(lines: Sequence[str], source: Sequence[str]) -> frozenset[int]:
    """Lines that the source has too, each of the source's lines used at most as often as it occurs there."""
    left = Counter(text.strip() for text in source if text.strip())
    kept = set()
    for number, text in enumerate(lines, start=1):
        if left[text.strip()] > 0:
            left[text.strip()] -= 1
            kept.add(number)
    return frozenset(kept)


def tell_apart(page: Page, findings: Sequence[Finding], before: Sequence[Finding]) -> list[Finding]:
    """Lower what is the author's to *info*: ``before`` is what the same rules say about the source alone.

    A finding on an author's line that the source does not have was caused by what was added, and keeps its
    severity. Without a source, but with regions known, every finding on an author's line is his.
    """
    if page.is_part or (page.source is None and page.ours is None):
        return list(findings)
    had = Counter(_key(finding) for finding in before)
    added = ours(page)
    result = []
    for finding in findings:
        if had[_key(finding)] > 0 and (finding.line not in added or page.ours is None):
            had[_key(finding)] -= 1
            result.append(_lowered(finding, IN_THE_SOURCE))
        elif page.source is None and finding.line and finding.line not in added:
            result.append(_lowered(finding, THE_AUTHORS))
        else:
            result.append(finding)
    return result


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.check, finding.rule, _LINE_NUMBER.sub("line", finding.message)


def _lowered(finding: Finding, remark: str) -> Finding:
    return replace(finding, severity="info", message=finding.message + remark)
