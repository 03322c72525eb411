"""Headings that do not fit the page's outline."""

from __future__ import annotations

from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """A part's headings begin at level 3: levels 1 and 2 are the page's own (error).

    On a page, an added heading is at most one level below the one before it (warning); right below the title
    any level may stand, since additions are woven in before the author's first heading too.
    """
    added = ours(page)
    found = []
    previous = 0
    for heading in page.article.headings:
        if page.is_part and heading.level < 3:
            message = f"a heading of level {heading.level} in a part: {heading.text}"
            found.append(Finding("structure", "heading_level", "error", message, heading.line))
        elif previous > 1 and heading.level > previous + 1 and heading.line in added:
            message = f"a heading of level {heading.level} right below level {previous}: {heading.text}"
            found.append(Finding("structure", "heading_level", "warning", message, heading.line))
        previous = heading.level
    return found
