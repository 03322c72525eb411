"""Equation numbers that stand for two formulas."""

from __future__ import annotations

import re

from agent.checks.outcomes import place
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding

_NUMBER = re.compile(r"[A-Za-z]*\d+(?:[.\-]\d+)*[a-z]?'*")
"""What is meant as a number; ``\\tag{*}`` or a name may stand on several formulas."""


def check(page: Page) -> list[Finding]:
    """A ``\\tag`` number stands once on a page, and not beside an automatic number of the same value.

    The second is a warning: the numbers are right by themselves, but tags do not advance the counter, and the
    reader finds two equations (7). Reported where it was added, even if the author's formula comes later.
    """
    added = ours(page)
    given: dict[str, list[tuple[int, int]]] = {}
    for formula in page.article.formulas:
        for tag in formula.tags:
            if _NUMBER.fullmatch(tag.strip()):
                at = place_of_tag(formula.raw, tag)
                line = formula.line + formula.raw[:at].count("\n")
                given.setdefault(tag.strip(), []).append((line, place(formula, r"\tag")[1]))
    found = []
    for tag, places in given.items():
        first = next((p for p in places if p[0] not in added), places[0])
        found += [
            Finding(
                "references",
                "duplicate_tag",
                "error",
                rf"\tag{{{tag}}} is already given in line {first[0]}",
                line,
                column,
            )
            for line, column in places
            if (line, column) != first
        ]
    return found + _beside_automatic(page, given)


def place_of_tag(raw: str, tag: str) -> int:
    """Offset of ``\\tag{tag}`` in a formula; 0 when its spelling differs."""
    match = re.search(r"\\tag\*?\s*\{\s*" + re.escape(tag.strip()), raw)
    return match.start() if match else 0


def _beside_automatic(page: Page, given: dict[str, list[tuple[int, int]]]) -> list[Finding]:
    automatic = sum(formula.numbered for formula in page.article.formulas)
    if page.is_part:
        return []
    return [
        Finding(
            "references",
            "duplicate_tag",
            "warning",
            rf"\tag{{{tag}}} is a number that another equation gets automatically (1 to {automatic})",
            *places[0],
        )
        for tag, places in given.items()
        if tag.isdigit() and 1 <= int(tag) <= automatic
    ]
