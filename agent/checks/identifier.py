"""arXiv numbers and DOIs that come from nowhere."""

from __future__ import annotations

from agent.checks.known_works import ARXIV, DOI, MARK, known_arxiv, known_dois
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.checks.text import said
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """An arXiv number or DOI that was added is in the source, confirmed, or marked 待核实 in the same line.

    Where the text's origin is not known, nothing can be said.
    """
    if not page.provenance_known:
        return []
    added = ours(page)
    arxiv, doi = known_arxiv(page), known_dois(page)
    found = []
    for number, line in enumerate(said(page.article), start=1):
        if number not in added or MARK in line:
            continue
        for match in ARXIV.finditer(line):
            if match.group(1).lower() not in arxiv:
                message = f"arXiv {match.group(1)} is neither in the source nor confirmed"
                found.append(_finding(message, number, match.start() + 1))
        for match in DOI.finditer(line):
            if match.group().rstrip(".,;").lower() not in doi:
                message = f"DOI {match.group()} is neither in the source nor confirmed"
                found.append(_finding(message, number, match.start() + 1))
    return found


def _finding(message: str, line: int, column: int) -> Finding:
    return Finding("citations", "identifier", "error", message, line, column)
