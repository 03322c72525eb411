"""One linear pass that tells mathematics, code and comments from prose.

Both ``read`` and ``measure.quick`` stand on this scan, so they cannot disagree about what a formula is.
Time is linear in the text whatever it holds: each expression is possessive or stops at the next opener of
its own kind, and every search for a far closing mark is remembered."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from agent.article import html
from agent.article.lists import Lists, line_end_after
from agent.article.parts import SpanKind

ENVIRONMENTS = ("equation", "align", "gather", "multline", "eqnarray")
"""Environments (and their starred forms) that make a display of their own, without ``$$`` around them."""

_ENV = rf"(?:{'|'.join(ENVIRONMENTS)})\*?"
# Lines that end a paragraph for every Markdown reader, so that MathJax never sees mathematics across them. They
# also keep one lost `$$` from turning the rest of an article inside out.
_WALL = rf" {{0,3}}(?:#{{1,6}}[ \t]|{html.INTERRUPTS})|[ \t>]*+(?:(?:[-+*]|\d{{1,9}}[.)])[ \t]++)?(?:```|~~~)"
_LINE = rf"\n(?!{_WALL})"
_PARAGRAPH_END = rf"{_WALL}|[ \t]*+\r?(?:\n|\Z)"
_LINE_IN_PARAGRAPH = rf"\n(?!{_PARAGRAPH_END})"
_SKIPPED = f"{html.RAW}|code"
"""Elements that MathJax does not look into."""

# Every alternative starts with a plain character, which lets `re` skip prose quickly; the empty group at
# its end says which one matched.
_TOKEN = re.compile(
    rf"\$\$(?!\$)(?>(?:[^$\\\n]++|\\[^\n]?+|\$(?!\$)|{_LINE})+)\$\$(?P<double>)"
    rf"|\$(?!\$)(?>(?:[^$\\\n]++|\\[^\n]?+|{_LINE_IN_PARAGRAPH})+)\$(?P<single>)"
    r"|\$\$*(?P<dollars>)"
    rf"|\\begin\{{(?P<env>{_ENV})\}}(?>(?:[^\\\n]++|\\(?!(?:begin|end)\{{(?P=env)\}})[^\n]?+|{_LINE})*)"
    r"\\end\{(?P=env)\}(?P<environment>)"
    rf"|\\(?P<lost>(?:begin|end)\{{{_ENV}\}})(?P<stray>)"
    rf"|\\\[(?>(?:[^\\\n]++|\\(?![\[\]])[^\n]?+|{_LINE})*)\\\](?P<bracket>)"
    rf"|\\\((?>(?:[^\\\n]++|\\(?![()])[^\n]?+|{_LINE_IN_PARAGRAPH})*)\\\)(?P<paren>)"
    r"|\\[^\n]?(?P<escape>)"
    r"|``*(?P<ticks>)"
    r"|~~~~*(?P<tildes>)"
    r"|<!--(?P<comment>)"
    rf"|<(?P<element>(?i:{_SKIPPED}))(?=[\s>])(?P<raw>)"
    r"|\n(?: {4}| {1,3}\t|\t)(?P<indent>)"
)
# `\[1\]` and `\[Blog post\]` are brackets escaped for Markdown, not mathematics.
_WORDS = re.compile(r"""[^\s\\^_={}+<>|/*&$~-][^\\^_={}+<>|/*&$~\n]*""")
_FENCE_PREFIX = re.compile(r"(?>(?:[ \t]*+(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t])))*)[ \t]*+")
_CHUNK = re.compile(r"(?>(?:(?: {4}| {0,3}\t)[^\n]*+(?:\n|\Z)|[ \t]*+\r?\n)+)")
_END_OF_PARAGRAPH = re.compile(rf"\n(?={_PARAGRAPH_END}| {{0,3}}[-+*][ \t])")
# Lines that an indented one does not go on from: headings, rules, underlines and empty lines of a quote.
_NO_PARAGRAPH = re.compile(
    r" {0,3}(?:#{1,6}(?:[ \t]|\r?\Z)"
    r"|(?:(?>(?:-[ \t]*+)+)|(?>(?:\*[ \t]*+){3,})|(?>(?:_[ \t]*+){3,})|(?>(?:>[ \t]*+)+))\r?\Z)"
)
_UNDERLINE = re.compile(r" {0,3}=++[ \t]*+\r?\Z")
_PLAIN = re.compile(r" {0,3}[^\s>#`~<|+*=-]")
_INDENTED = re.compile(r"(?: {4}| {0,3}\t)[ \t]*+[^ \t\r\n]")
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
        "closers",
        "end_at",
        "lists",
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
        self.end_at = -1
        self.closers: dict[str, int] = {}
        self.runs: dict[int, list[int]] | None = None
        self.lists = Lists(text, start, self.tokens)

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
                inner = text[begin + 2 : pos - 2]
                if inner.strip():
                    tokens.append(Token("display", begin, pos, "$$", True))
                elif "\n" in inner:  # two that were never meant for each other
                    self.strays.append(("$$", begin))
                    pos = begin + 2
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

    def _paragraph_end(self, pos: int) -> int:
        """Offset of the line ending after which the paragraph around ``pos`` is over."""
        if self.end_at < pos:
            found = _END_OF_PARAGRAPH.search(self.text, pos)
            self.end_at = found.start() if found else len(self.text)
        return self.end_at

    def _line_prefix(self, pos: int) -> str | None:
        """What stands before ``pos`` in its line, or None where that is too much to be a fence's prefix."""
        floor = max(self.start, pos - _FENCE_LOOKBACK)
        newline = self.text.rfind("\n", floor, pos)
        if newline < 0 and floor > self.start:
            return None
        return self.text[max(newline + 1, floor) : pos]

    def _begins_line(self, pos: int) -> bool:
        prefix = self._line_prefix(pos)
        return prefix is not None and len(prefix) < 4 and not prefix.strip(" ")

    def _closer(self, mark: str, pos: int) -> int:
        """Offset of the next ``mark`` (an expression; case ignored) from ``pos`` on, or -1."""
        known = self.closers.get(mark, -2)
        if known != -1 and known < pos:
            found = re.compile(mark, re.IGNORECASE).search(self.text, pos)
            known = self.closers[mark] = found.start() if found else -1
        return known

    def _comment(self, begin: int) -> int:
        end = self._closer("-->", begin + 4)
        is_block = self._begins_line(begin)
        if end < 0 and is_block:
            self.tokens.append(Token("comment", begin, len(self.text), "", False))
            return len(self.text)
        if end < 0 or (not is_block and end > self._paragraph_end(begin)):
            return begin + 4
        self.tokens.append(Token("comment", begin, end + 3, "", True))
        return end + 3

    def _element(self, begin: int, pos: int, name: str) -> int:
        is_block = name != "code" and self._begins_line(begin)
        # CommonMark: any of the four closing tags ends such a block
        end = self._closer(f"</(?:{html.RAW})>" if is_block else f"</{name}>", pos)
        if end < 0 and is_block:
            self.tokens.append(Token("raw", begin, len(self.text), name, False))
            return len(self.text)
        if end < 0 or (not is_block and end > self._paragraph_end(begin)):
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
        if index == len(same) or same[index] > self._paragraph_end(begin):
            return pos
        stop = same[index] + length
        self.tokens.append(Token("code", begin, stop, "", True))
        return stop

    def _first_line(self) -> int:
        """The body's first line has no line ending before it, so indented code there needs a look of its
        own."""
        if _INDENTED.match(self.text, self.start):
            return self._take_chunk(self.start)
        return self.start

    def _indented(self, newline: int) -> int:
        """Code indented by four columns after a blank line, outside lists; 0 where it is something else."""
        line = newline + 1
        before = self.text.rfind("\n", 0, newline) + 1
        if not _INDENTED.match(self.text, line) or self._goes_on(before, newline):
            return 0
        inside = self.lists.at(newline)
        if inside is not None:
            row = self.text[line : line + inside]
            if len((row[: len(row) - len(row.lstrip(" \t"))]).expandtabs(4)) >= inside:
                return 0
            self.lists.leave(newline)
        return self._take_chunk(line)

    def _goes_on(self, line: int, newline: int) -> bool:
        """Whether the line from ``line`` to ``newline`` is one that an indented line would merely continue."""
        row = self.text[max(line, self.start) : newline]
        if not row.strip(" \t\r") or _NO_PARAGRAPH.match(row):
            return False
        if _UNDERLINE.match(row) and line > self.start:
            return not _PLAIN.match(self.text, self.text.rfind("\n", 0, line - 1) + 1)
        last = self.tokens[-1] if self.tokens else None
        if last is None or last.stop <= line or last.kind not in ("fence", "indented", "comment", "raw"):
            return True
        return last.kind in ("comment", "raw") and not self._begins_line(last.start)

    def _take_chunk(self, line: int) -> int:
        found = _CHUNK.match(self.text, line)
        if found is None:
            return 0
        stop = line + len(found[0].rstrip(" \t\r\n"))
        first = line + len(found[0]) - len(found[0].lstrip(" \t\r\n"))
        if stop <= first:
            return 0
        # Behind a byte order mark the first line begins where the body does.
        begin = max(self.start, self.text.rfind("\n", line - 1, first) + 1)
        self.tokens.append(Token("indented", begin, stop, "", True))
        return stop

    def _fence(self, begin: int, pos: int) -> int:
        """A fenced block that opens at ``begin``; 0 where the run of marks is something else."""
        mark, length = self.text[begin], pos - begin
        prefix = self._line_prefix(begin) if length >= 3 else None
        if prefix is None or not _FENCE_PREFIX.fullmatch(prefix):
            return 0
        line_end = line_end_after(self.text, pos)
        if mark == "`" and "`" in self.text[pos:line_end]:
            return 0
        column = len(prefix.expandtabs(4))
        if ">" in prefix:
            stop, closed = self._container_end(line_end, mark, length, quote=True, column=0)
        elif prefix.strip():
            stop, closed = self._container_end(line_end, mark, length, quote=False, column=min(column, 4))
        else:
            inner = self.lists.at(begin - len(prefix) - 1) if prefix else None
            if inner is not None and column >= inner:
                stop, closed = self._container_end(line_end, mark, length, quote=False, column=inner)
            elif column >= 4:
                return 0
            else:
                stop, closed = self._fence_end(line_end, mark, length)
                self.lists.leave(stop)
        if not closed:  # what ended it has left the list too
            self.lists.leave(stop)
        if self.text.startswith("\r\n", stop - 1):
            stop -= 1
        self.tokens.append(Token("fence", begin - len(prefix), stop, prefix, closed))
        return stop

    def _fence_end(self, line_end: int, mark: str, length: int) -> tuple[int, bool]:
        closing = re.compile(rf"\n {{0,3}}{mark}{{{length},}}+[ \t]*+(?=\r?(?:\n|\Z))")
        found = closing.search(self.text, line_end)
        return (found.end(), True) if found else (len(self.text), False)

    def _container_end(
        self, line_end: int, mark: str, length: int, *, quote: bool, column: int
    ) -> tuple[int, bool]:
        """End of a fence inside a quote or list item: its closing line, or the last line of the container."""
        stop = line_end
        while stop < len(self.text):
            end = line_end_after(self.text, stop + 1)
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
