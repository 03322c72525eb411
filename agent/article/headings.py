"""Headings of an article."""

from __future__ import annotations

from agent.article.blocks import HEADING, UNDERLINE
from agent.article.lines import Lines
from agent.article.parts import Block, Heading
from agent.article.scan import Token


def headings(lines: Lines, tokens: list[Token], found: tuple[Block, ...]) -> tuple[Heading, ...]:
    """ATX headings wherever they stand outside code, comments and mathematics (in boxes too), and underlined
    ones that are blocks of their own."""
    result = []
    covered = _Covered(tokens)
    first = found[0].first if found else len(lines.rows) + 1
    for line in range(first, len(lines.rows) + 1):
        row = lines.rows[line - 1].removeprefix("\ufeff")
        match = HEADING.match(row)
        if match and not covered.at(lines.starts[line - 1] + match.start(1)):
            result.append(Heading(len(match[1]), _heading_text(row[match.end() :]), line))
    for block in found:
        if block.kind == "heading" and block.last > block.first:
            rows = block.text.split("\n")
            if UNDERLINE.match(rows[-1]) and not HEADING.match(rows[0].removeprefix("\ufeff")):
                level = 1 if rows[-1].strip().startswith("=") else 2
                text = " ".join(row.strip() for row in rows[:-1])
                result.append(Heading(level, text, block.first))
    return tuple(sorted(result, key=lambda heading: heading.line))


class _Covered:
    """Whether an offset lies in a span; offsets must be asked for in order."""

    __slots__ = ("index", "tokens")

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.index = 0

    def at(self, offset: int) -> bool:
        while self.index < len(self.tokens) and self.tokens[self.index].stop <= offset:
            self.index += 1
        return self.index < len(self.tokens) and self.tokens[self.index].start <= offset


def _heading_text(rest: str) -> str:
    text = rest.strip()
    bare = text.rstrip("#")
    if bare != text and (not bare or bare[-1] in " \t"):
        return bare.rstrip()
    return text
