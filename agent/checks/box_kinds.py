"""Too few kinds of boxes."""

from __future__ import annotations

from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding

_PARTS = frozenset({"formula-step", "step-label", "step-explanation", "step"})
"""Classes that stand only inside another box."""


def check(page: Page) -> list[Finding]:
    """The expansion uses as many kinds of boxes (theorem-box, details …) as the standard asks for."""
    wanted = page.standard.boxes
    if not wanted or page.is_part:
        return []
    added = ours(page)
    kinds = sorted({box.name for box in page.article.boxes if box.line in added} - _PARTS)
    if len(kinds) >= wanted:
        return []
    message = f"{len(kinds)} kinds of boxes ({', '.join(kinds) or 'none'}), the standard asks for {wanted}"
    return [Finding("structure", "box_kinds", "warning", message)]
