"""Parts that take more or less room than was planned."""

from __future__ import annotations

from collections import Counter

from agent.article import regions
from agent.checks.page import Page
from agent.errors import RegionError
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """Each template gets about its share of the added lines; a region's ID begins with its template.

    Only falling short by more than the standard's tolerance is told: what is longer elsewhere made it so.
    """
    shares = page.standard.shares
    if not shares or page.is_part:
        return []
    try:
        there = regions(page.article.data)
    except RegionError:
        return []
    lines: Counter[str] = Counter()
    for region in there:
        lines[region.id.split(".")[0]] += region.end_line - region.begin_line - 1
    total = sum(lines.values())
    found = []
    for template, share in shares.items():
        got = lines[template] / total if total else 0.0
        if total and got < share * (1 - page.standard.tolerance):
            message = f"{template} has {got:.0%} of the added lines, planned are {share:.0%}"
            found.append(Finding("structure", "shares", "warning", message))
    return found
