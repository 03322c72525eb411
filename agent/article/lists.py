"""Whether a line stands in a list, asked seldom: only where indented code or a fence might begin."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

from agent.article import html

_MARKER = r"(?:(?:[-+*]|\d{1,9}[.)])[ \t]|\[\^[^\]\s]{1,100}\]:)"
# Where a list can begin or end: the line after a blank one, and whatever interrupts a paragraph.
_RULE = r"(?:(?>(?:-[ \t]*+){3,})|(?>(?:\*[ \t]*+){3,})|(?>(?:_[ \t]*+){3,}))\r?(?=\n|\Z)"
_LIST_LINE = re.compile(
    rf"\n(?P<blank>(?>(?:[ \t]*+\r?\n)+))?(?P<indent> {{0,3}}+)"
    rf"(?:(?P<end>{_RULE}|#{{1,6}}[ \t]|>|{html.INTERRUPTS})|(?P<marker>{_MARKER})|(?(blank)|(?!)))"
)
_FIRST_MARKER = re.compile(rf" {{0,3}}{_MARKER}")


def line_end_after(text: str, pos: int) -> int:
    """Offset of the line ending at or after ``pos``, or the text's length."""
    end = text.find("\n", pos)
    return end if end >= 0 else len(text)


class Stretch(Protocol):
    """A token of the scanner."""

    @property
    def start(self) -> int: ...
    @property
    def stop(self) -> int: ...


class Lists:
    """Follows lists from one question to the next, so that all of them together cost one pass."""

    __slots__ = ("around", "column", "fresh", "pos", "text", "tokens")

    def __init__(self, text: str, start: int, tokens: Sequence[Stretch]) -> None:
        self.text = text
        self.tokens = tokens
        """What the scanner has found so far: a sign in it, as in ``- \\gamma``, begins no list."""
        self.pos = max(start - 1, 0)
        first = _FIRST_MARKER.match(text, start)
        self.column: int | None = len(first[0]) if first else None
        """Where the content of the outermost open item starts."""
        self.fresh = -1
        """Line ending after which no paragraph is open, so that any marker starts a list."""
        self.around = text[start : start + 1] if text.startswith((">", "<"), start) else ""
        """``>`` in a quote, ``<`` in an HTML block."""

    def leave(self, pos: int) -> None:
        """Say that no list is open at ``pos``, a line ending."""
        self.pos, self.column, self.fresh = max(self.pos, pos), None, pos

    def at(self, pos: int) -> int | None:
        """Column at which the content of the list item around ``pos`` starts; None outside lists."""
        for found in _LIST_LINE.finditer(self.text, self.pos, pos + 1):
            if self._is_inside(found.start()):
                continue
            end, indent = found["end"], len(found["indent"])
            if found["blank"] or end:
                self.around = end[0] if end and end[0] in "<>" else ""
                self.fresh = line_end_after(self.text, found.end()) if end and not self.around else -1
            if self.column is not None and indent >= self.column:
                continue
            if found["marker"]:
                if self._begins(found):
                    self.column = 4 if found["marker"][0] == "[" else indent + len(found["marker"])
            elif end or self.text[found.end() : found.end() + 1] not in (" ", "\t", "\n", ""):
                self.column = None
        self.pos = max(self.pos, pos)
        return self.column

    def _is_inside(self, pos: int) -> bool:
        index = bisect_right(self.tokens, pos, key=attrgetter("start")) - 1
        return index >= 0 and self.tokens[index].stop > pos

    def _begins(self, found: re.Match[str]) -> bool:
        marker = found["marker"]
        if found["blank"]:
            return True
        if self.around == "<" or marker[0] == "[":
            return False  # an HTML block goes on to the next blank line, and a footnote needs one before it
        # of numbered lists, only one that starts at 1 interrupts a paragraph
        no_paragraph = self.column is not None or self.around == ">" or found.start() == self.fresh
        return no_paragraph or marker[:-2] in ("", "1")
