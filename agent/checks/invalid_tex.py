"""Formulas that MathJax cannot read."""

from __future__ import annotations

from agent.checks import outcomes
from agent.checks.page import Page
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """Every formula renders: MathJax 3.2.2, with the page's own macros, reads it without an error.

    What MathJax says about ``\\tag``, ``\\label`` and environments belongs to the rules on references.
    """
    found = []
    for formula, message in outcomes.of(page, "tex"):
        line, column = outcomes.place(formula, message)
        found.append(Finding("formulas", "invalid_tex", "error", f"MathJax: {message}", line, column))
    return found
