"""Names that code uses and nothing defines."""

from __future__ import annotations

from agent.checks import blocks, python
from agent.checks.page import Page
from agent.records import Finding, Severity

_IN_EXPERIMENTS = frozenset({"emit", "table", "figure", "sweep", "correlate"})
"""Names the laboratory gives to an experiment."""


def check(page: Page) -> list[Finding]:
    """Every name a block uses is defined in it, or at least in an earlier block.

    Experiments run alone: for them an earlier block does not count. For plain code it does, and is one warning
    for the block, since it does not run by itself; a listing is meant as an excerpt, and so may be any code
    of a text whose origin is not known (warnings). Witnesses are the laboratory's, which gives them names of
    its own.
    """
    earlier: dict[str, int] = {}
    later = _first_bindings(page)
    found = []
    for block in blocks.of(page.article):
        if not isinstance(block.read, python.Program) or block.role == "witness":
            continue
        borrowed: dict[str, int] = {}
        for use in _unbound(block):
            if use.name in earlier and block.role != "experiment":
                borrowed[use.name] = use.line
            else:
                found.append(_finding(use, block, later, page.provenance_known))
        if borrowed and block.role != "listing":
            found.append(_borrowing(borrowed, block, earlier))
        for name in block.read.binds:
            earlier.setdefault(name, block.code.line)
    return found


def _unbound(block: blocks.Block) -> list[python.Use]:
    """The first use of each name that the block does not bind."""
    program = block.read
    if not isinstance(program, python.Program) or program.star:
        return []
    given = python.GIVEN | (_IN_EXPERIMENTS if block.role == "experiment" else frozenset())
    first: dict[str, python.Use] = {}
    for use in program.uses:
        if use.name not in given and not _is_bound(use, program):
            first.setdefault(use.name, use)
    return list(first.values())


def _is_bound(use: python.Use, program: python.Program) -> bool:
    if use.name not in program.binds:
        return False
    # Straight down the module, a name that is bound only further on does not exist yet.
    return use.deferred or use.guarded or program.binds[use.name] <= use.line


def _finding(use: python.Use, block: blocks.Block, later: dict[str, int], sure: bool) -> Finding:
    severity: Severity = "error" if sure else "warning"
    message = f"{use.name} is not defined"
    if block.role == "listing":
        severity = "warning"
    elif use.name in later and use.deferred and block.role != "experiment":
        severity = "warning"
        message = f"{use.name} is defined only in the block of line {later[use.name]}, further on"
    return Finding("code", "undefined_name", severity, message, block.line(use.line))


def _borrowing(borrowed: dict[str, int], block: blocks.Block, earlier: dict[str, int]) -> Finding:
    lines = sorted({earlier[name] for name in borrowed})
    where = ", ".join(f"line {line}" for line in lines)
    message = f"the block does not run by itself: {', '.join(borrowed)} defined only in the block of {where}"
    return Finding("code", "undefined_name", "warning", message, block.line(min(borrowed.values())))


def _first_bindings(page: Page) -> dict[str, int]:
    first: dict[str, int] = {}
    for block in blocks.of(page.article):
        if isinstance(block.read, python.Program):
            for name in block.read.binds:
                first.setdefault(name, block.code.line)
    return first
