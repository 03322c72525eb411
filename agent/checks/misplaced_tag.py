"""``\\tag`` where none may stand."""

from __future__ import annotations

from agent.checks import outcomes
from agent.checks.page import Page
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """One ``\\tag`` an equation at most, and none inside ``aligned``, ``split``, ``gathered`` or inline.

    In a part that is being written there is none at all: numbers are generated.
    """
    found = []
    told = set()
    for formula, message in outcomes.of(page, "tag"):
        line, column = outcomes.place(formula, r"\tag")
        told.add(formula.line)
        found.append(Finding("references", "misplaced_tag", "error", f"MathJax: {message}", line, column))
    for formula in page.article.formulas:
        if not formula.tags or formula.line in told:
            continue
        line, column = outcomes.place(formula, r"\tag")
        if formula.kind == "inline":
            message = r"\tag in an inline formula"
        elif page.is_part:
            message = r"\tag by hand: write \label, numbers are generated"
        else:
            continue
        found.append(Finding("references", "misplaced_tag", "error", message, line, column))
    return found
