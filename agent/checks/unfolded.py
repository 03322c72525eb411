"""Long code that is not folded."""

from __future__ import annotations

from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """Added code, and added derivation boxes, longer than the standard's limit stand in ``<details>``."""
    limit = page.standard.fold
    if not limit:
        return []
    added = ours(page)
    folds = [(box.line, box.last_line) for box in page.article.boxes if box.name == "details"]
    long = [(code.line, code.last_line, "code block") for code in page.article.codes]
    long += [(b.line, b.last_line, b.name) for b in page.article.boxes if b.name == "derivation-box"]
    found = []
    for first, last, what in long:
        length = last - first - 1
        if length <= limit or first not in added:
            continue
        if any(a <= first and last <= b for a, b in folds):
            continue
        message = f"a {what} of {length} lines outside <details>, the standard folds above {limit}"
        found.append(Finding("structure", "unfolded", "warning", message, first))
    return found
