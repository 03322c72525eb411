"""No comparison, or one of too few methods."""

from __future__ import annotations

from agent.checks import tables
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """One added table compares as many methods as the standard asks for, one a row or one a column.

    A table that compares has two properties at least, so three columns or rows.
    """
    wanted = page.standard.methods
    if not wanted or page.is_part:
        return []
    added = ours(page)
    most = 0
    for table in tables.of(page.article):
        rows, columns = len(table.rows), len(table.header) - 1
        if table.line in added and rows >= 2 and columns >= 2:
            most = max(most, rows, columns)
    if most >= wanted:
        return []
    message = f"the largest comparison covers {most} methods, the standard asks for {wanted}"
    return [Finding("structure", "comparison", "warning", message)]
