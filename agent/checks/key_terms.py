"""An article that is about something else than its source."""

from __future__ import annotations

from agent.article import prose
from agent.checks import terms
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding

GONE = 0.35
"""Below this share of the source's key terms, the article is about something else."""
THIN = 0.6
_FEW = 8
"""With fewer key terms nothing is said."""
_ENOUGH = 60
"""Added lines below which they need not touch many of the terms."""


def check(page: Page) -> list[Finding]:
    """The source's key terms are still used: in the whole text, and in what was added.

    Less than 35% in the whole text is an error, less than 60% a warning; in the added text alone, where the
    source stands beside it, less than 35% is a warning.
    """
    if page.source is None or page.is_part:
        return []
    keys = terms.of(page.source)
    if len(keys) < _FEW:
        return []
    whole = prose(page.article).lower()
    missing = [term for term in keys if term.lower() not in whole]
    share = 1 - len(missing) / len(keys)
    if share < THIN:
        named = ", ".join(missing[:6])
        message = f"{share:.0%} of the source's {len(keys)} key terms are still used; gone: {named}"
        return [Finding("drift", "key_terms", "error" if share < GONE else "warning", message)]
    added = ours(page)
    if page.ours is None or len(added) < _ENOUGH:
        return []
    lines = whole.replace("\r\n", "\n").split("\n")
    new = "\n".join(lines[n - 1] for n in sorted(added) if n <= len(lines))
    touched = sum(term.lower() in new for term in keys) / len(keys)
    if touched >= GONE:
        return []
    message = f"what was added uses {touched:.0%} of the source's {len(keys)} key terms"
    return [Finding("drift", "key_terms", "warning", message)]
