"""Labels that stand for two formulas."""

from __future__ import annotations

from agent.article import Label
from agent.checks import outcomes
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """A label stands once on a page; the second formula that has it is not rendered at all.

    Reported where it was added, even if the author's formula comes later. A part may not use a label that the
    rest of the page has.
    """
    added = ours(page)
    places: dict[str, list[Label]] = {}
    for label in page.article.labels:
        places.setdefault(label.name, []).append(label)
    found = []
    for name, labels in places.items():
        if name in page.known_labels:
            message = rf"\label{{{name}}} is used elsewhere on the page"
            found += [_finding(message, label.line) for label in labels]
            continue
        first = next((label for label in labels if label.line not in added), labels[0])
        message = rf"\label{{{name}}} is already given in line {first.line}"
        found += [_finding(message, label.line) for label in labels if label is not first]
    for formula, message in outcomes.of(page, "label"):
        if "Multiple" in message:
            found.append(_finding(f"MathJax: {message}", formula.line))
    return found


def _finding(message: str, line: int) -> Finding:
    return Finding("references", "duplicate_label", "error", message, line)
