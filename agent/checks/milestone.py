"""Milestones whose year nobody confirmed."""

from __future__ import annotations

import re

from agent.checks.known_works import MARK
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.checks.text import prose_lines
from agent.records import Finding

_ENTRY = re.compile(
    r"^\s*+(?:(?:\d+[.)]|[-*+])\s+|#{2,6}\s+)(?:\*\*|__)?\s*(?:约|公元)?(1[6-9]\d\d|20\d\d)"
    r"(?:(?:s|\.\d{1,2})?\s*(?:\*\*|__)?\s*[-–—:：·]|\s*年)"
)
_ROW = re.compile(r"^\s*+\|\s*(?:\*\*)?(1[6-9]\d\d|20\d\d)(?:s|\s*年)?(?:\*\*)?\s*\|")


def check(page: Page) -> list[Finding]:
    """A list entry, heading or table row that begins with a year has that year from the source or from a
    confirmed work, or is marked 待核实. A milestone without a confirmed year is written without one.
    """
    if not page.provenance_known:
        return []
    years = {str(work.year) for work in page.references if work.year}
    if page.source:
        years |= set(re.findall(r"(?<!\d)(?:1[6-9]\d\d|20\d\d)(?!\d)", page.source.text[page.source.body :]))
    added = ours(page)
    found = []
    for number, line in enumerate(prose_lines(page.article), start=1):
        match = _ENTRY.match(line) or _ROW.match(line)
        if not match or number not in added or MARK in page.article.lines[number - 1]:
            continue
        if match.group(1) not in years:
            message = f"the year {match.group(1)} of this milestone is neither in the source nor confirmed"
            found.append(Finding("citations", "milestone", "warning", message, number))
    return found
