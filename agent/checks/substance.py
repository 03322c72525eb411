"""Lines without substance."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding

LEAST = 0.5
"""Share of substance among the added lines. A careful author's articles have 0.56 to 0.77."""
_FEW = 100
"""Below so many lines a share says nothing."""
_TAGS = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>")


def check(page: Page) -> list[Finding]:
    """At least half of the added lines have substance, as the measure defines it: neither blank, nor HTML only,
    nor a fence.
    """
    added = ours(page)
    if len(added) < _FEW:
        return []
    fences = {
        line for code in page.article.codes for line in (code.line, code.last_line if code.closed else 0)
    }
    lines = page.article.lines
    solid = sum(
        1 for n in added if n not in fences and n <= len(lines) and _TAGS.sub("", lines[n - 1]).strip()
    )
    share = solid / len(added)
    if share >= LEAST:
        return []
    message = f"{share:.0%} of the {len(added)} added lines have substance"
    return [Finding("padding", "substance", "warning", message)]
