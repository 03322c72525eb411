"""Paragraphs of prose, for the rules on padding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.checks.text import prose_lines

_LINK = re.compile(r"!?\[[^\[\]\n]*\]\([^()\n]*\)|https?://[^\s)>]+")
_LETTERS = re.compile(r"[^\w\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Paragraph:
    line: int
    letters: str
    """Letters, digits and Han characters only, in lower case."""


def added(page: Page, *, least: int) -> Iterator[Paragraph]:
    """Added paragraphs (runs of lines without a blank one) of at least so many letters."""
    mine = ours(page)
    lines = prose_lines(page.article)
    start, held = 0, ""
    for number, line in enumerate([*lines, ""], start=1):
        text = _LINK.sub("", line).strip()
        if text and number in mine and not text.startswith("#"):
            start = start or number
            held += text
            continue
        letters = _LETTERS.sub("", held).lower()
        if len(letters) >= least:
            yield Paragraph(start, letters)
        start, held = 0, ""
