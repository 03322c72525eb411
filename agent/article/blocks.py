"""Top-level blocks of an article: CommonMark and GFM tables, with two things that readers of Markdown do
not know.

Display mathematics never ends the paragraph (or whatever else) it stands in, whatever its lines look
like, and a box is one block up to its closing tag. Where CommonMark closes a structure earlier than a
person would, the structure is rather kept too long: a region then stands a little further down, but never
inside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.article import html
from agent.article.boxes import Element
from agent.article.lines import Lines
from agent.article.parts import Block, BlockKind
from agent.article.scan import Token

HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|\Z)")
UNDERLINE = re.compile(r" {0,3}(?:=++|-++)[ \t]*+\Z")
_QUOTE = re.compile(r" {0,3}>")
_LIST = re.compile(r"(?P<indent> {0,3})(?P<marker>[-+*]|\d{1,9}[.)])(?P<pad>[ \t]++|\Z)")
_FOOTNOTE = re.compile(r" {0,3}\[\^[^\]\s]{1,100}\]:")
_HTML_BLOCK = re.compile(rf" {{0,3}}(?:</?(?i:{html.BLOCKS})(?=[\s/>]|\Z)|<[?!])")
_HTML_LINE = re.compile(r" {0,3}</?[A-Za-z][A-Za-z0-9-]*+(?:\s[^<>]*+)?/?>[ \t]*+\Z")


@dataclass(frozen=True, slots=True)
class _Map:
    """What the scanner and the element finder know about lines (1-based)."""

    tie: dict[int, int]
    """Line -> last line of what begins in it and must not be torn."""
    fences: dict[int, int]
    """First -> last line of fences that are top-level blocks if nothing holds them."""
    indented: dict[int, int]
    raw: dict[int, int]
    """First -> last line of comments and raw elements that begin a line."""
    fence_ends: frozenset[int]
    open_from: int
    """First line of what the end of the file cuts off; 0 where there is none."""


def _map(lines: Lines, tokens: list[Token], elements: list[Element]) -> _Map:
    tie: dict[int, int] = {}
    fences: dict[int, int] = {}
    indented: dict[int, int] = {}
    raw: dict[int, int] = {}
    fence_ends = set()
    open_from = 0
    for token in tokens:
        if token.kind == "inline" or token.kind == "code":
            continue  # neither crosses the end of a paragraph
        first, column = lines.place(token.start)
        last = lines.place(token.stop - 1)[0]
        if last > first:
            tie[first] = max(last, tie.get(first, 0))
        if token.kind == "fence":
            fence_ends.add(last)
            if len(token.name) < 4 and not token.name.strip(" "):
                fences[first] = last
        elif token.kind == "indented":
            indented[first] = last
        elif token.kind in ("comment", "raw") and not lines.rows[first - 1][: column - 1].strip(" "):
            raw[first] = max(last, raw.get(first, 0))
        if not token.closed and token.stop == len(lines.text):
            open_from = open_from or first
    for element in elements:
        if element.last > element.first:
            tie[element.first] = max(element.last, tie.get(element.first, 0))
    return _Map(tie, fences, indented, raw, frozenset(fence_ends), open_from)


def blocks(lines: Lines, tokens: list[Token], elements: list[Element], first: int) -> tuple[Block, ...]:
    """Top-level blocks from line ``first`` on."""
    return _Parser(lines, _map(lines, tokens, elements), tokens).run(first)


class _Parser:
    __slots__ = ("displays", "known", "lines", "next_display", "rows", "total")

    def __init__(self, lines: Lines, known: _Map, tokens: list[Token]) -> None:
        self.lines = lines
        self.rows = lines.rows
        self.total = len(lines.rows)
        self.known = known
        self.displays = [token for token in tokens if token.kind == "display"]
        self.next_display = 0

    def run(self, line: int) -> tuple[Block, ...]:
        found = []
        while line <= self.total:
            if self.lines.is_blank(line):
                line += 1
                continue
            kind, last = self._block(line)
            text = "\n".join(self.rows[line - 1 : last])
            is_open = last == self.total and 0 < self.known.open_from <= last and line <= self.known.open_from
            found.append(Block(kind, line, last, text, is_open))
            line = last + 1
        return tuple(found)

    def _block(self, line: int) -> tuple[BlockKind, int]:
        row, known = self._row(line), self.known
        if line in known.fences:
            return "fence", known.fences[line]
        if line in known.indented:
            return "indented", known.indented[line]
        if HEADING.match(row):
            return "heading", self._tied(line, line)
        if line in known.raw or _HTML_BLOCK.match(row) or _HTML_LINE.match(row):
            return "html", self._html(line)
        if _is_rule(row):
            return "rule", line
        if _QUOTE.match(row):
            return "quote", self._quote(line)
        if _LIST.match(row):
            return "list", self._list(line)
        if self._is_table(line):
            return "table", self._until(line, table=True)
        return self._paragraph(line)

    def _row(self, line: int) -> str:
        row = self.rows[line - 1]
        return row[1:] if line == 1 and row.startswith("\ufeff") else row

    def _tied(self, line: int, last: int) -> int:
        return max(last, self.known.tie.get(line, 0))

    def _interrupts(self, line: int) -> bool:
        """Whether ``line`` begins a block of its own in the midst of a paragraph."""
        row = self.rows[line - 1]
        if line in self.known.fences or HEADING.match(row) or _is_rule(row) or _QUOTE.match(row):
            return True
        if line in self.known.raw or _HTML_BLOCK.match(row):
            return True
        found = _LIST.match(row)
        if found and row[found.end() :].strip():
            return found["marker"] in "-+*" or found["marker"][:-1] == "1"
        return False

    def _until(self, line: int, *, table: bool = False) -> int:
        """Last line of what goes on until a blank line or (a table) the next block."""
        last = self._tied(line, line)
        while line < self.total:
            line += 1
            if line > last:
                if self.lines.is_blank(line) or (table and self._interrupts(line)):
                    break
                last = line
            last = self._tied(line, last)
        return last

    def _html(self, line: int) -> int:
        raw = self.known.raw.get(line)
        return self._until(line) if raw is None else self._tied(line, raw)

    def _quote(self, line: int) -> int:
        last = self._tied(line, line)
        while line < self.total:
            line += 1
            if line > last:
                if self.lines.is_blank(line):
                    break
                row = self.rows[line - 1]
                if not _QUOTE.match(row):
                    is_open = last not in self.known.fence_ends and self.rows[last - 1].strip("> \t\r")
                    if not is_open or self._interrupts(line) or _LIST.match(row):
                        break
                last = line
            last = self._tied(line, last)
        return last

    def _list(self, line: int) -> int:
        found = _LIST.match(self._row(line))
        assert found is not None
        kind = found["marker"][-1]
        content = _content_column(found)
        last = self._tied(line, line)
        while line < self.total:
            line += 1
            if line > last:
                if self.lines.is_blank(line):
                    continue
                row = self.rows[line - 1]
                item = _LIST.match(row)
                is_lazy = (
                    line == last + 1 and last not in self.known.fence_ends and not self._interrupts(line)
                )
                if item and len(item["indent"]) < content and not _is_rule(row):
                    if item["marker"][-1] != kind:
                        break
                    content = _content_column(item)
                elif _indent(row) < content and not is_lazy:
                    break
                last = line
            last = self._tied(line, last)
        return last

    def _is_table(self, line: int) -> bool:
        if line >= self.total or line in self.known.tie:
            return False
        cells = _delimiter_cells(self.rows[line])
        return cells > 0 and cells == _cells(self.rows[line - 1])

    def _paragraph(self, line: int) -> tuple[BlockKind, int]:
        first = line
        is_footnote = _FOOTNOTE.match(self._row(line)) is not None
        last = self._tied(line, line)
        while line < self.total:
            line += 1
            if line > last:
                row = self.rows[line - 1]
                if self.lines.is_blank(line):
                    if is_footnote:
                        continue
                    break
                if line > last + 1:  # a footnote goes on after a blank line where it is indented
                    if _indent(row) < 4:
                        break
                elif UNDERLINE.match(row):
                    return "heading", line
                elif self._interrupts(line) or self._is_table(line):
                    break
                last = line
            last = self._tied(line, last)
        return ("display" if self._is_display(first, last) else "paragraph"), last

    def _is_display(self, first: int, last: int) -> bool:
        """Whether nothing but display mathematics stands in these lines."""
        text, starts = self.lines.text, self.lines.starts
        pos = starts[first - 1]
        stop = starts[last] if last < len(starts) else len(text)
        while self.next_display < len(self.displays) and self.displays[self.next_display].start < pos:
            self.next_display += 1
        index = self.next_display
        while index < len(self.displays) and self.displays[index].start < stop:
            if text[pos : self.displays[index].start].strip("\ufeff \t\r\n"):
                return False
            pos = self.displays[index].stop
            index += 1
        return index > self.next_display and not text[pos:stop].strip()


def _indent(row: str) -> int:
    bare = row.lstrip(" \t")
    return len(row[: len(row) - len(bare)].expandtabs(4))


def _content_column(item: re.Match[str]) -> int:
    """Column at which the content of a list item starts."""
    pad = len(item["pad"].expandtabs(4))
    return len(item["indent"]) + len(item["marker"]) + (pad if 1 <= pad <= 4 else 1)


def _is_rule(row: str) -> bool:
    bare = row.strip(" \t")
    if not bare or bare[0] not in "-*_" or _indent(row) > 3:
        return False
    return not bare.strip(bare[0] + " \t") and bare.count(bare[0]) >= 3


def _delimiter_cells(row: str) -> int:
    """Number of cells in a table's delimiter row, 0 where it is none."""
    bare = row.strip(" \t")
    if not bare or bare.strip("|:- \t") or "-" not in bare or ("|" not in bare and ":" not in bare):
        return 0
    cells = bare.removeprefix("|").removesuffix("|").split("|")
    for cell in cells:
        dashes = cell.strip(" \t").removeprefix(":").removesuffix(":")
        if not dashes or dashes.strip("-"):
            return 0
    return len(cells)


def _cells(row: str) -> int:
    if "|" not in row and row.strip():
        return 1
    bare = row.strip(" \t").removeprefix("|").removesuffix("|")
    return bare.count("|") - bare.count("\\|") + 1
