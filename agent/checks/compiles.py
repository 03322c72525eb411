"""Python blocks that do not compile."""

from __future__ import annotations

from agent.checks import blocks, python
from agent.checks.page import Page
from agent.records import Finding, Severity


def check(page: Page) -> list[Finding]:
    """Every Python block compiles. One that compiled in Python 2 is a warning."""
    found = []
    for block in blocks.of(page.article):
        if isinstance(block.read, python.Broken):
            severity: Severity = "warning" if block.read.python2 else "error"
            message = f"the block does not compile: {block.read.message}"
            line = min(block.line(block.read.line), block.code.last_line)
            found.append(Finding("code", "compiles", severity, message, line))
    return found
