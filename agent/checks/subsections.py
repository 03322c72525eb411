"""Too few subsections."""

from __future__ import annotations

from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """The expansion has as many subsections as the standard asks for: added headings of level 3 and below."""
    wanted = page.standard.subsections
    if not wanted or page.is_part:
        return []
    added = ours(page)
    count = sum(1 for heading in page.article.headings if heading.level >= 3 and heading.line in added)
    if count >= wanted:
        return []
    return [
        Finding("structure", "subsections", "warning", f"{count} subsections, the standard asks for {wanted}")
    ]
