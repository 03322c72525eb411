"""References to labels that do not exist."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.text import said
from agent.records import Finding

_REFERENCE = re.compile(r"\\(?:eq)?ref\s*\{([^{}\n]*)\}")


def check(page: Page) -> list[Finding]:
    """Every ``\\eqref`` and ``\\ref`` names a label of the page; MathJax prints (???) for others."""
    known = {_plain(label.name) for label in page.article.labels} | {_plain(n) for n in page.known_labels}
    return [
        Finding(
            "references",
            "unresolved_reference",
            "error",
            rf"{match.group()} names no label of this page",
            number,
            match.start() + 1,
        )
        for number, line in enumerate(said(page.article), start=1)
        for match in _REFERENCE.finditer(line)
        if _plain(match.group(1)) not in known
    ]


def _plain(name: str) -> str:
    """Without the backslashes that the converter puts before ``_`` and ``-``."""
    return name.replace("\\", "").strip()
