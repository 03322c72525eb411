"""Lines without substance."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding

LEAST = 0.4
"""Share of substance among the added lines; an article of one-line paragraphs with displays has about 0.5."""
_FEW = 100
"""Below so many lines a share says nothing."""
_TAGS = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>")


def check(page: Page) -> list[Finding]:
    """At least 40% of the added lines are neither blank, nor HTML only, nor a fence, nor code.

    Code is left out here (it is no reading), unlike in the measure ``substance_lines``.
    """
    added = ours(page)
    if len(added) < _FEW:
        return []
    code = {n for block in page.article.codes for n in range(block.line, block.last_line + 1)}
    solid = sum(1 for n in added if n not in code and _TAGS.sub("", page.article.lines[n - 1]).strip())
    share = solid / len(added)
    if share >= LEAST:
        return []
    message = f"{share:.0%} of the {len(added)} added lines hold text or formulas"
    return [Finding("padding", "substance", "warning", message)]
