"""The article no longer says which article it is."""

from __future__ import annotations

from agent.checks.page import Page
from agent.records import Finding

_IDENTITY = ("title", "slug", "date", "source")


def check(page: Page) -> list[Finding]:
    """``title``, ``slug``, ``date`` and ``source`` of the front matter are the original's."""
    if page.source is None or page.is_part or page.source.front is None or page.article.front is None:
        return []
    old, new = page.source.front.fields, page.article.front.fields
    found = []
    for key in _IDENTITY:
        if key in old and new.get(key) != old[key]:
            was = old[key] or "(empty)"
            message = f"{key} of the front matter was {was}, is {new.get(key, '(gone)')}"
            found.append(Finding("drift", "identity", "error", message, page.article.front.first))
    return found
