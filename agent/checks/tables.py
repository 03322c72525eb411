"""Pipe tables, wherever they stand (also inside boxes, where Markdown's own reader sees one HTML block)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.article import Article
from agent.checks.text import said

_RULE = re.compile(r"^\s*+\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_MATH = re.compile(r"\$[^$]*\$")


@dataclass(frozen=True, slots=True)
class Table:
    line: int
    """1-based line of the header row."""
    last_line: int
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def of(article: Article) -> Iterator[Table]:
    lines = said(article)
    number = 1
    while number < len(lines):
        if "|" in lines[number - 1] and "|" in lines[number] and _RULE.match(lines[number]):
            last = number + 1
            while last < len(lines) and "|" in lines[last] and lines[last].strip():
                last += 1
            rows = tuple(cells(line) for line in lines[number + 1 : last])
            yield Table(number, last, cells(lines[number - 1]), rows)
            number = last
        number += 1


def cells(line: str) -> tuple[str, ...]:
    """Cells of a row; a bar inside ``$…$`` or behind a backslash separates nothing."""
    held = _MATH.sub(lambda m: m.group().replace("|", "\0"), line.strip())
    held = held.replace("\\|", "\0")
    return tuple(cell.strip().replace("\0", "|") for cell in held.strip("|").split("|"))
