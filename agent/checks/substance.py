"""Lines without substance."""

from __future__ import annotations

from agent.article.substance import substance_lines
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding

LEAST = 0.5
"""Share of substance among the added lines. A careful author's articles have 0.56 to 0.77."""
_FEW = 100
"""Below so many lines a share says nothing."""


def check(page: Page) -> list[Finding]:
    """At least half of the added lines have substance, as the measure defines it: neither blank, nor HTML only,
    nor a fence.
    """
    added = ours(page)
    if len(added) < _FEW:
        return []
    solid = len(added & substance_lines(page.article))
    share = solid / len(added)
    if share >= LEAST:
        return []
    message = f"{share:.0%} of the {len(added)} added lines have substance"
    return [Finding("padding", "substance", "warning", message)]
