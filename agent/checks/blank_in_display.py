"""Blank lines inside display mathematics."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.records import Finding

_BLANK = re.compile(r"\n[ \t\r]*(?=\n)")


def check(page: Page) -> list[Finding]:
    """No blank line between the ends of a display: Markdown ends the paragraph there, and TeX complains."""
    message = "blank line inside display mathematics"
    found = []
    for formula in page.article.displays:
        blank = _BLANK.search(formula.raw)
        if blank:
            line = formula.line + formula.raw[: blank.start()].count("\n") + 1
            found.append(Finding("references", "blank_in_display", "error", message, line))
    return found
