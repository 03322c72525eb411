"""Display mathematics whose ends do not fit together."""

from __future__ import annotations

from agent.checks import outcomes
from agent.checks.page import Page
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """Every ``\\begin`` has its ``\\end``, every ``$$`` and ``\\[`` its partner, and environments nest."""
    found = [
        Finding(
            "references",
            "mismatched_environment",
            "error",
            f"{stray.name} opens mathematics that nothing closes",
            stray.line,
            stray.column,
        )
        for stray in page.article.strays
    ]
    for formula, message in outcomes.of(page, "environment"):
        line, column = outcomes.place(formula, message)
        found.append(
            Finding("references", "mismatched_environment", "error", f"MathJax: {message}", line, column)
        )
    return found
