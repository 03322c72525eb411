"""Changes in the front matter."""

from __future__ import annotations

from agent.checks.page import Page
from agent.records import Finding

_OURS = frozenset({"status", "expand"})
"""Fields that an expansion may change: the status, and the stamp that keeps the old one."""


def check(page: Page) -> list[Finding]:
    """The front matter is the author's; only ``status`` changes, and the stamp ``expand`` is added.

    Fields altered or dropped are warnings here; what identifies the article is for *drift* to judge.
    """
    if page.source is None or page.is_part or page.source.front is None:
        return []
    if page.article.front is None:
        return [Finding("source", "front_matter", "error", "the front matter is gone", 1)]
    old, new = page.source.front.fields, page.article.front.fields
    found = []
    for key, value in old.items():
        if key in _OURS or new.get(key) == value:
            continue
        was = f"{key}: {value}" if value else f"{key} (empty)"
        now = f"is now {new[key]}" if key in new else "is gone"
        found.append(Finding("source", "front_matter", "warning", f"{was} {now}", _line(page, key)))
    for key in new.keys() - old.keys() - _OURS:
        message = f"{key}: {new[key]} was added"
        found.append(Finding("source", "front_matter", "info", message, _line(page, key)))
    return sorted(found, key=lambda finding: finding.line)


def _line(page: Page, key: str) -> int:
    front = page.article.front
    if front is None:
        return 1
    lines = page.article.lines[front.first - 1 : front.last]
    at = next((i for i, line in enumerate(lines) if line.split(":")[0].strip() == key), 0)
    return front.first + at
