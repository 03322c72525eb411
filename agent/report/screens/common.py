"""What the screens share: marks, colours, and text of others made plain."""

from __future__ import annotations

from typing import Any

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
SEVERITY = {"error": "red", "warning": "yellow", "info": "dim"}


def named(title: str, slug: str) -> Text:
    """The title, and below it the slug that commands take, where it is another. Folded, never cut: a person types it."""
    text = Text(plain(title or slug), overflow="fold")
    return text.append(plain(f"\n  {slug}"), "dim") if title and title != slug else text


def t(value: Any, style: str = "") -> Text:
    return Text(plain(str(value)), style=style)
