"""Numbers and their nouns, as all screens write them."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """Such as ``1 draft``, ``2,298 lines``; ``plural`` where an s does not do."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def dollars(cost: float | None, unknown: str = "cost unknown") -> str:
    """A sum that was paid, to a hundredth of a cent."""
    return unknown if cost is None else f"${cost:.4f}"
