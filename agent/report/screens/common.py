"""What the screens share: marks, colours, and text of others made plain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from agent.report.plain import plain

MARKS = {
    "merged": ("done", "green"),
    "accepted": ("accepted", "green"),
    "draft": ("draft", "yellow"),
    "failed": ("failed", "red"),
    "pending": ("pending", "dim"),
    "by-hand": ("by hand", "cyan"),
    "missing": ("no file", "red"),
}
FOLDED = 12
"""Rows of one kind a screen shows before it folds the rest."""
SCREENFUL = 500
"""Articles beyond which a person's screen lists only what is under way."""
SEVERITY = {"error": "red", "warning": "yellow", "info": "dim"}


def named(title: str, slug: str) -> str:
    """The title, and below it the slug that commands take, where it is another."""
    return f"{title}\n  {slug}" if title and title != slug else slug


def t(value: Any, style: str = "") -> Text:
    return Text(plain(str(value)), style=style)


def show_table(
    console: Console,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[int] = (),
    styles: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """A table without lines. ``right`` are the columns that are set to the right, ``styles`` those of the first column's
    words. Through a pipe nothing is folded, and rich would lay out each of thousands of rows for a fold that never
    comes."""
    if console.is_terminal:
        table = Table(box=None, pad_edge=False)
        for place, name in enumerate(head):
            table.add_column(name, justify="right" if place in right else "left", no_wrap=place in right)
        for first, *others in rows:
            table.add_row(cell(first, styles.get(first, "")), *map(cell, others))
        console.print(table)
        return
    columns = [_even(column, place in right) for place, column in enumerate(zip(head, *rows, strict=True))]
    lines = ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
    console.print(Segments([Segment("\n".join([*lines, ""]))]), soft_wrap=True)


def cell(value: str, style: str = "") -> Text:
    """A second line is dim. Words are folded, never cut: a slug is typed by a person."""
    first, line, below = value.partition("\n")
    text = Text(plain(first), style=style, overflow="fold")
    return text.append(plain(line + below), "dim")


def _even(cells: Sequence[str], right: bool) -> list[str]:
    """A column's cells on a line each, filled up with spaces to the widest of them."""
    # Few cells need either, and to ask each of them takes longer than to ask all.
    whole = "".join(cells)
    if "\n" in whole or plain(whole) != whole:
        cells = [" ".join(plain(cell).splitlines()) for cell in cells]
    widths = [len(cell) if cell.isascii() else cell_len(cell) for cell in cells]
    widest = max(widths)
    gaps = [" " * (widest - width) for width in widths]
    return [gap + cell if right else cell + gap for cell, gap in zip(cells, gaps, strict=True)]
