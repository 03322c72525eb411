"""Headings with nothing below them."""

from __future__ import annotations

from agent.article import stub_lines
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding


def check(page: Page) -> list[Finding]:
    """Something stands between an added heading and the next one of its level or above, or the end.

    The author's own stub is no finding.
    """
    headings = page.article.headings
    added = ours(page)
    stub = stub_lines(page.article)
    found = []
    for index, heading in enumerate(headings):
        following = headings[index + 1] if index + 1 < len(headings) else None
        if heading.line not in added or (following and following.level > heading.level):
            continue
        last = following.line - 1 if following else len(page.article.lines)
        if stub and heading.line < stub[0] <= last:
            continue
        below = page.article.lines[heading.line : last]
        if not any(_says_something(line) for line in below):
            message = f"nothing stands under the heading {heading.text}"
            found.append(Finding("structure", "empty_section", "warning", message, heading.line))
    return found


def _says_something(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith(("<!--", "</", "---", "***"))
