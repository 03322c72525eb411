"""Numbers and their nouns, as all screens write them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def counted(number: int, noun: str, plural: str = "") -> str:
    """Such as ``1 draft``, ``2,298 lines``; ``plural`` where an s does not do."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], most: int = 6) -> str:
    """Such as ``map, theory.1 and 33 more``: names beyond a handful hide what is said about them."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def standing(verdicts: Mapping[str, int]) -> str:
    """How many claims have each verdict, and of how many."""
    said = ", ".join(f"{number} {word}" for word, number in verdicts.items()) or "none"
    return f"of {counted(sum(verdicts.values()), 'displayed claim')}: {said}"


def dollars(cost: float | None, unknown: str = "cost unknown") -> str:
    """A sum that was paid, to a hundredth of a cent."""
    return unknown if cost is None else f"${cost:.4f}"


NAMES = ("expand", "expand-articles")


def program(argv0: str | None = None, which: Callable[[str], str | None] = shutil.which) -> str:
    """What a person types to start this program again: a name of it that the shell finds, else its path. coreutils has
    an ``expand`` of its own."""
    here = Path(sys.argv[0] if argv0 is None else argv0)
    if here.name not in NAMES:
        return NAMES[0]  # started in another way, such as python -m
    for name in NAMES:
        found = which(name)
        if found is not None and Path(found).resolve().parent == here.resolve().parent:
            return name
    near = os.path.relpath(here)
    return str(here.absolute()) if near.startswith(os.pardir) else near
