"""Boxes and fences that nothing closes."""

from __future__ import annotations

from agent.checks.page import Page
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """Every ``<div class=…>``, ``<details>`` and code fence is closed; an open one swallows what follows."""
    found = [
        Finding("structure", "left_open", "error", f"the box {box.name} is never closed", box.line)
        for box in page.article.boxes
        if not box.closed
    ]
    found += [
        Finding("structure", "left_open", "error", "the code fence is never closed", code.line)
        for code in page.article.codes
        if not code.closed
    ]
    return found
