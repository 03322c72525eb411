"""What a draft claims, and how many of its claims stand: the one count behind every screen.

A *claim* is a display of the added text that says something which could be wrong, or that a witness was asked for. It
has one verdict: its witness's, the weakest where several stand for it, and *unchecked* where none was run. So the
verdicts of a draft add up to its claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from agent.article import read, regions
from agent.lab import claims
from agent.lab.witness import VERDICTS
from agent.lab.witness.record import WitnessName

T = TypeVar("T")
WEAKEST: tuple[WitnessName, ...] = ("refuted", "unchecked", "consistent", "holds-on-samples", "verified")
"""Verdicts, the one that decides over a display with several first."""


def of_display(labels: Sequence[str], known: Mapping[str, T]) -> tuple[T, ...]:
    """What is known, by the label that was written, of a display of the draft: its labels stand there under their
    section's ID, the author's as they are."""
    found = (known.get(label.split(":", 1)[-1]) or known.get(label) for label in labels)
    return tuple(x for x in found if x is not None)


def tally(data: bytes, witnesses: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many claims of a draft have each verdict, those that occur, in the order of `VERDICTS`.

    ``witnesses`` are the rows of its report. Of a file without regions every display counts as added.
    """
    article = read(data, "draft.md")
    ours = [(r.begin_line, r.end_line) for r in regions(data)]
    rows: dict[str, WitnessName] = {row["label"]: row["verdict"] for row in witnesses}
    stated = {f.start for f in claims(article)}
    counts = dict.fromkeys(VERDICTS, 0)
    for display in article.displays:
        verdicts = of_display(display.labels, rows)
        is_ours = not ours or any(first <= display.line <= last for first, last in ours)
        if verdicts or (is_ours and display.start in stated):
            counts[min(verdicts, key=WEAKEST.index, default="unchecked")] += 1
    return {word: count for word, count in counts.items() if count}
