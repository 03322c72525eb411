"""Names that code uses and nothing defines."""

from __future__ import annotations

from agent.checks import blocks, python
from agent.checks.page import Page
from agent.records import Finding, Severity


def check(page: Page) -> list[Finding]:
    """Every name a block uses is defined in it, or at least in an earlier block.

    Experiments and witnesses run alone: for them an earlier block does not count. For plain code it does, and
    is a warning, since the block does not run by itself; a listing is meant as an excerpt (info). One finding
    for a name and block.
    """
    earlier: dict[str, int] = {}
    later = _first_bindings(page)
    found = []
    for block in blocks.of(page.article):
        if not isinstance(block.read, python.Program):
            continue
        told: set[str] = set()
        for use in [] if block.read.star else block.read.uses:
            if use.name in python.GIVEN or use.name in told or _is_bound(use, block.read):
                continue
            told.add(use.name)
            severity, message = _verdict(use, block, earlier, later)
            found.append(Finding("code", "undefined_name", severity, message, block.line(use.line)))
        for name in block.read.binds:
            earlier.setdefault(name, block.code.line)
    return found


def _is_bound(use: python.Use, program: python.Program) -> bool:
    if use.name not in program.binds:
        return False
    # Straight down the module, a name that is bound only further on does not exist yet.
    return use.deferred or use.guarded or program.binds[use.name] <= use.line


def _verdict(
    use: python.Use, block: blocks.Block, earlier: dict[str, int], later: dict[str, int]
) -> tuple[Severity, str]:
    alone = block.role in {"experiment", "witness"}
    if use.name in earlier and not alone:
        severity: Severity = "info" if block.role == "listing" else "warning"
        return severity, f"{use.name} is defined only in the block of line {earlier[use.name]}"
    if block.role == "listing":
        return "warning", f"{use.name} is defined nowhere before"
    if use.name in later and use.deferred and not alone:
        return "warning", f"{use.name} is defined only in the block of line {later[use.name]}, further on"
    return "error", f"{use.name} is not defined"


def _first_bindings(page: Page) -> dict[str, int]:
    first: dict[str, int] = {}
    for block in blocks.of(page.article):
        if isinstance(block.read, python.Program):
            for name in block.read.binds:
                first.setdefault(name, block.code.line)
    return first
