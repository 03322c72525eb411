"""One linear pass that tells mathematics, code and comments from prose.

Both ``read`` and ``measure.quick`` stand on this scan, so they cannot disagree about what a formula is.
Time is linear in the text whatever it holds: each expression is possessive or stops at the next opener of
its own kind, and every search for a far closing mark is remembered."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from agent.article.parts import SpanKind

ENVIRONMENTS = ("equation", "align", "gather", "multline", "eqnarray")
"""Environments (and their starred forms) that make a display of their own, without ``$$`` around them."""

_ENV = rf"(?:{'|'.join(ENVIRONMENTS)})\*?"
# Lines that end a paragraph for every Markdown reader, so MathJax never sees mathematics across them.
# They also keep one lost `$$` from turning the rest of an article inside out.
_WALL = r" {0,3}#{1,6}[ \t]|[ \t>]*+(?:```|~~~)| {0,3}<!--[ \t]*expand:"
_LINE = rf"\n(?!{_WALL})"
_LINE_IN_PARAGRAPH = rf"\n(?!{_WALL}|[ \t]*+\r?(?:\n|\Z))"
_RAW = "script|pre|style|textarea|code"

# Every alternative starts with a plain character, which lets `re` skip prose quickly; the empty group at
# its end says which one matched.
_TOKEN = re.compile(
    rf"\$\$(?!\$)(?:[^$\\\n]++|\\[^\n]?+|\$(?!\$)|{_LINE})++\$\$(?P<double>)"
    rf"|\$(?!\$)(?:[^$\\\n]++|\\[^\n]?+|{_LINE_IN_PARAGRAPH})++\$(?P<single>)"
    r"|\$\$*(?P<dollars>)"
    rf"|\\begin\{{(?P<env>{_ENV})\}}(?:[^\\\n]++|\\(?!(?:begin|end)\{{(?P=env)\}})[^\n]?+|{_LINE})*+"
    r"\\end\{(?P=env)\}(?P<environment>)"
    rf"|\\(?P<lost>(?:begin|end)\{{{_ENV}\}})(?P<stray>)"
    rf"|\\\[(?:[^\\\n]++|\\(?![\[\]])[^\n]?+|{_LINE})*+\\\](?P<bracket>)"
    rf"|\\\((?:[^\\\n]++|\\(?![()])[^\n]?+|{_LINE_IN_PARAGRAPH})*+\\\)(?P<paren>)"
    r"|\\[^\n]?(?P<escape>)"
    r"|``*(?P<ticks>)"
    r"|~~~~*(?P<tildes>)"
    r"|<!--(?P<comment>)"
    rf"|<(?P<element>(?i:{_RAW}))(?=[\s>])(?P<raw>)"
    r"|\n(?: {4}| {1,3}\t|\t)(?P<indent>)"
)
# `\[1\]` and `\[Blog post\]` are brackets escaped for Markdown, not mathematics.
_WORDS = re.compile(r"""[^\s\\^_={}+<>|/*&$~-][^\\^_={}+<>|/*&$~\n]*""")
_FENCE_PREFIX = re.compile(r"(?:[ \t]*+(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t])))*+[ \t]*+")
_CHUNK = re.compile(r"(?:(?: {4}| {0,3}\t)[^\n]*+(?:\n|\Z)|[ \t]*+\r?\n)++")
_BLANK = re.compile(r"\n[ \t]*+\r?(?:\n|\Z)")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|\Z)")
_MARKER = r"(?:(?:[-+*]|\d{1,9}[.)])[ \t]|\[\^[^\]\s]{1,100}\]:)"
# Where a list can begin or end: the line after a blank one, and any line with a list marker.
_LIST_LINE = re.compile(
    rf"\n(?:(?P<blank>(?:[ \t]*+\r?\n)++)(?P<indent1> {{0,3}}+)(?P<marker1>{_MARKER})?"
    rf"|(?P<indent2> {{0,3}}+)(?P<marker2>{_MARKER}))"
)
_FIRST_MARKER = re.compile(rf" {{0,3}}{_MARKER}")
_FIRST_CODE = re.compile(r"(?: {4}| {0,3}\t)[ \t]*+[^\s]")
_FENCE_LOOKBACK = 256


class Token(NamedTuple):
    """A span as the scanner has it: a tuple, because making one is ten times as fast as making a record."""

    kind: SpanKind
    start: int
    stop: int
    name: str
    """As in ``Span``; of a fence, what stands before its marks in the first line."""
    closed: bool


class Scan(NamedTuple):
    tokens: list[Token]
    strays: list[tuple[str, int]]


def scan(text: str, start: int = 0) -> Scan:
    """Spans of ``text`` from ``start`` (the end of the front matter) on, in order, never overlapping."""
    return _Scanner(text, start).run()


class _Scanner:
    __slots__ = (
        "blank_at",
        "closers",
        "list_offset",
        "list_pos",
        "runs",
        "start",
        "strays",
        "text",
        "tokens",
    )

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.start = start
        self.tokens: list[Token] = []
        self.strays: list[tuple[str, int]] = []
        self.blank_at = -1
        self.closers: dict[str, int] = {}
        self.runs: dict[int, list[int]] | None = None
        self.list_pos = max(start - 1, 0)
        first = _FIRST_MARKER.match(text, start)
        self.list_offset: int | None = len(first[0]) if first else None

    def run(self) -> Scan:
        text, search, tokens = self.text, _TOKEN.search, self.tokens
        pos = self._first_line()
        while found := search(text, pos):
            kind = found.lastgroup
            begin, pos = found.span()
            if kind == "single":
                if self._is_money(begin, pos) or not text[begin + 1 : pos - 1].strip():
                    self.strays.append(("$", begin))
                    pos = begin + 1
                else:
                    tokens.append(Token("inline", begin, pos, "$", True))
            elif kind == "environment":
                tokens.append(Token("display", begin, pos, found["env"], True))
            elif kind == "double":
                if text[begin + 2 : pos - 2].strip():
                    tokens.append(Token("display", begin, pos, "$$", True))
            elif kind != "escape":
                pos = self._rare(kind or "", found, begin, pos)
        return Scan(tokens, self.strays)

    def _rare(self, kind: str, found: re.Match[str], begin: int, pos: int) -> int:
        """Handle what is seldom met; the position to go on from."""
        if kind in ("bracket", "paren"):
            if self._is_escaped_words(begin, pos):
                return begin + 2
            if kind == "bracket":
                self.tokens.append(Token("display", begin, pos, "\\[", True))
            else:
                self.tokens.append(Token("inline", begin, pos, "\\(", True))
        elif kind == "ticks" or kind == "tildes":
            return self._fence(begin, pos) or (self._code(begin, pos) if kind == "ticks" else pos)
        elif kind == "indent":
            return self._indented(begin) or begin + 1
        elif kind == "comment":
            return self._comment(begin)
        elif kind == "raw":
            return self._element(begin, pos, found["element"].lower())
        elif kind == "stray":
            self.strays.append(("\\" + found["lost"], begin))
        elif kind == "dollars":
            self.strays.append((found[0], begin))
        return pos

    def _is_money(self, begin: int, stop: int) -> bool:
        """``$5 和 $10``: an amount, then a sign that stands right before another digit."""
        after = self.text[stop : stop + 1]
        return self.text[begin + 1].isdecimal() and after.isascii() and after.isdigit()

    def _is_escaped_words(self, begin: int, stop: int) -> bool:
        inner = self.text[begin + 2 : stop - 2]
        return not inner.strip() or _WORDS.fullmatch(inner) is not None

    def _next_blank(self, pos: int) -> int:
        """Offset of the line ending before the next blank line, or the text's length."""
        if self.blank_at < pos:
            found = _BLANK.search(self.text, pos)
            self.blank_at = found.start() if found else len(self.text)
        return self.blank_at

    def _line_prefix(self, pos: int) -> str | None:
        """What stands before ``pos`` in its line, or None where that is too much to be a fence's prefix."""
        floor = max(self.start, pos - _FENCE_LOOKBACK)
        newline = self.text.rfind("\n", floor, pos)
        if newline < 0 and floor > self.start:
            return None
        return self.text[max(newline + 1, floor) : pos]

    def _closer(self, mark: str, pos: int) -> int:
        """Offset of the next ``mark`` (case ignored) from ``pos`` on, or -1."""
        known = self.closers.get(mark, -2)
        if known != -1 and known < pos:
            found = re.compile(re.escape(mark), re.IGNORECASE).search(self.text, pos)
            known = self.closers[mark] = found.start() if found else -1
        return known

    def _comment(self, begin: int) -> int:
        end = self._closer("-->", begin + 4)
        prefix = self._line_prefix(begin)
        is_block = prefix is not None and len(prefix) < 4 and not prefix.strip(" ")
        if end < 0 and is_block:
            self.tokens.append(Token("comment", begin, len(self.text), "", False))
            return len(self.text)
        if end < 0 or (not is_block and end > self._next_blank(begin)):
            return begin + 4
        self.tokens.append(Token("comment", begin, end + 3, "", True))
        return end + 3

    def _element(self, begin: int, pos: int, name: str) -> int:
        end = self._closer(f"</{name}", pos)
        prefix = self._line_prefix(begin)
        is_block = name != "code" and prefix is not None and len(prefix) < 4 and not prefix.strip(" ")
        if end < 0 and is_block:
            self.tokens.append(Token("raw", begin, len(self.text), name, False))
            return len(self.text)
        if end < 0 or (not is_block and end > self._next_blank(begin)):
            return pos
        stop = self.text.find(">", end)
        stop = stop + 1 if stop >= 0 else len(self.text)
        self.tokens.append(Token("raw", begin, stop, name, True))
        return stop

    def _code(self, begin: int, pos: int) -> int:
        """Inline code: up to the next run of as many backticks in the same paragraph."""
        if self.runs is None:
            self.runs = {}
            for run in re.finditer("`+", self.text):
                self.runs.setdefault(len(run[0]), []).append(run.start())
        length = pos - begin
        same = self.runs.get(length, [])
        index = bisect_left(same, pos)
        if index == len(same) or same[index] > self._next_blank(begin):
            return pos
        stop = same[index] + length
        self.tokens.append(Token("code", begin, stop, "", True))
        return stop

    def _first_line(self) -> int:
        """The body's first line has no line ending before it, so indented code there needs a look of its
        own."""
        if _FIRST_CODE.match(self.text, self.start):
            return self._take_chunk(self.start)
        return self.start

    def _indented(self, newline: int) -> int:
        """Code indented by four columns after a blank line, outside lists; 0 where it is something else."""
        line = newline + 1
        before = self.text.rfind("\n", 0, newline) + 1
        previous = self.text[max(before, self.start) : newline]
        follows_block = bool(self.tokens) and self.tokens[-1].stop == newline
        if follows_block:
            follows_block = self.tokens[-1].kind in ("fence", "indented")
        if previous.strip(" \t\r") and not follows_block and not _HEADING.match(previous):
            return 0
        if self._list_at(newline) is not None:
            return 0
        return self._take_chunk(line)

    def _take_chunk(self, line: int) -> int:
        found = _CHUNK.match(self.text, line)
        stop = line + len(found[0].rstrip()) if found else line
        if stop <= line:
            return 0
        self.tokens.append(Token("indented", line, stop, "", True))
        return stop

    def _list_at(self, pos: int) -> int | None:
        """Column at which the content of the list item around ``pos`` starts; None outside lists."""
        for found in _LIST_LINE.finditer(self.text, self.list_pos, pos + 1):
            marker = found["marker1"] or found["marker2"]
            indent = len(found["indent1"] or found["indent2"] or "")
            if marker and not (found["blank"] or marker[0] in "-+*[" or marker[:-2] == "1"):
                continue  # only a list that starts at 1 interrupts a paragraph
            if self.list_offset is not None and indent >= self.list_offset:
                continue
            if marker:
                self.list_offset = 4 if marker[0] == "[" else indent + len(marker)
            elif self.text[found.end() : found.end() + 1] not in (" ", "\t", "\n", ""):
                self.list_offset = None
        self.list_pos = max(self.list_pos, pos)
        return self.list_offset

    def _fence(self, begin: int, pos: int) -> int:
        """A fenced block that opens at ``begin``; 0 where the run of marks is something else."""
        mark, length = self.text[begin], pos - begin
        prefix = self._line_prefix(begin) if length >= 3 else None
        if prefix is None or not _FENCE_PREFIX.fullmatch(prefix):
            return 0
        line_end = self._line_end(pos)
        if mark == "`" and "`" in self.text[pos:line_end]:
            return 0
        column = len(prefix.expandtabs(4))
        if ">" in prefix:
            stop, closed = self._container_end(line_end, mark, length, quote=True, column=0)
        elif prefix.strip():
            stop, closed = self._container_end(line_end, mark, length, quote=False, column=min(column, 4))
        else:
            inner = self._list_at(begin - len(prefix) - 1) if prefix else None
            if inner is not None and column >= inner:
                stop, closed = self._container_end(line_end, mark, length, quote=False, column=inner)
            elif column >= 4:
                return 0
            else:
                stop, closed = self._fence_end(line_end, mark, length)
                self.list_pos, self.list_offset = max(self.list_pos, stop), None
        self.tokens.append(Token("fence", begin - len(prefix), stop, prefix, closed))
        return stop

    def _line_end(self, pos: int) -> int:
        end = self.text.find("\n", pos)
        return end if end >= 0 else len(self.text)

    def _fence_end(self, line_end: int, mark: str, length: int) -> tuple[int, bool]:
        closing = re.compile(rf"\n {{0,3}}{mark}{{{length},}}+[ \t]*+\r?+(?=\n|\Z)")
        found = closing.search(self.text, line_end)
        return (found.end(), True) if found else (len(self.text), False)

    def _container_end(
        self, line_end: int, mark: str, length: int, *, quote: bool, column: int
    ) -> tuple[int, bool]:
        """End of a fence inside a quote or list item: its closing line, or the last line of the container."""
        stop = line_end
        while stop < len(self.text):
            end = self._line_end(stop + 1)
            line = self.text[stop + 1 : end].expandtabs(4)
            bare = line.strip(" \r")
            if quote and not bare.startswith(">"):
                return stop, False
            if not quote and bare and len(line) - len(line.lstrip(" ")) < column:
                return stop, False
            bare = bare.lstrip("> ")
            if len(bare) >= length and not bare.strip(mark):
                return end, True
            stop = end
        return stop, False
