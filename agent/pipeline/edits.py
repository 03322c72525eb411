"""Replies that hand in changes instead of a whole text.

A Chinese paragraph is one line, so the smallest edit is inside a line (`@@ 44 old ==> new`); whole lines are
replaced (`@@ 12-15`) or inserted (`@@ 20+`). `@@ 无` says that there is nothing to change, `%% …` speaks to the
editor, and `@@ 见证 label` hands in a new witness.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from agent.errors import Malformed

SPAN = re.compile(r"@@ (\d+)(?:-(\d+)|(\+))?\s*$")
INLINE = re.compile(r"@@ (\d+) (.+?) ==>(?: (.*))?$")
WITNESS = re.compile(r"@@ 见证 (\S+)\s*$")
NONE = re.compile(r"@@ 无(?:[：:]\s*(.*))?\s*$")


@dataclass(frozen=True, slots=True)
class Edit:
    first: int
    last: int | None
    """None: insert after ``first``."""
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Swap:
    line: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Edits:
    """A reply of edits, parsed and checked against the text it is meant for."""

    edits: tuple[Edit, ...] = ()
    swaps: tuple[Swap, ...] = ()
    notes: tuple[str, ...] = ()
    """What the writer says to the editor."""
    witnesses: tuple[tuple[str, str], ...] = ()
    """(label, code block) of witnesses handed in anew."""
    none: str | None = None
    """The reason, where the writer declined to change anything."""

    @property
    def empty(self) -> bool:
        return not (self.edits or self.swaps or self.witnesses)


def parse_edits(reply: str, text: str) -> Edits:
    """Read a reply against the text it edits.

    Raises Malformed when a line number does not exist, edits overlap, an inline original does not stand
    exactly once in its line, or there is text outside any edit.
    """
    total = len(text.split("\n"))
    edits: list[Edit] = []
    swaps: list[Swap] = []
    notes: list[str] = []
    witnesses: list[tuple[str, list[str]]] = []
    none: str | None = None
    body: list[str] | None = None
    fenced = swallowed = False
    for line in reply.strip("\n").split("\n"):
        if line.startswith("```"):
            fenced, swallowed = not fenced, False
        swallowed |= fenced and line.startswith(("@@", "%% "))
        if not fenced and line.startswith("%% "):
            notes.append(line[3:].strip())
        elif not fenced and line.startswith("@@"):
            body, none = _open(line, total, edits, swaps, witnesses, none)
        elif body is not None:
            body.append(line)
        elif line.strip():
            raise Malformed(f"“{line[:40]}”不在任何一处改动里；改动以 @@ 行开头")
    if fenced and swallowed:
        raise Malformed("代码块没有关上，后面的改动落在了里面；代码块要改就整个换掉")
    whole = tuple(Edit(e.first, e.last, _trimmed(e.lines)) for e in edits)
    parsed = Edits(
        whole, tuple(swaps), tuple(notes), tuple((n, "\n".join(b).strip("\n")) for n, b in witnesses), none
    )
    _check(parsed, text)
    return parsed


def apply(text: str, edits: Edits) -> str:
    """The text with the edits made. Lines are numbered as they were before any edit."""
    lines = text.split("\n")
    for number, start, stop, new in sorted(_places(edits.swaps, lines), reverse=True):
        row = lines[number - 1]
        lines[number - 1] = row[:start] + new + row[stop:]
    # From the end, so that numbers stay; of two insertions at one place the later one goes first.
    order = [(e.first, e.last is None, n) for n, e in enumerate(edits.edits)]
    for _, _, n in sorted(order, reverse=True):
        edit = edits.edits[n]
        if edit.last is None:
            lines[edit.first : edit.first] = edit.lines
        else:
            lines[edit.first - 1 : edit.last] = edit.lines
    return "\n".join(lines)


def _places(swaps: Sequence[Swap], lines: Sequence[str]) -> list[tuple[int, int, int, str]]:
    """(line, start, stop, new) of inline edits in the text as it was before any of them."""
    found = []
    for swap in swaps:
        start = lines[swap.line - 1].index(swap.old)
        found.append((swap.line, start, start + len(swap.old), swap.new))
    return sorted(found)


def numbered(text: str) -> str:
    """The text as the edit prompts show it: each line with its number."""
    return "\n".join(f"{n} {line}" for n, line in enumerate(text.split("\n"), 1))


def _open(
    line: str,
    total: int,
    edits: list[Edit],
    swaps: list[Swap],
    witnesses: list[tuple[str, list[str]]],
    none: str | None,
) -> tuple[list[str] | None, str | None]:
    """Begin the edit a `@@` line announces; gives where its body goes."""
    if span := SPAN.match(line):
        first, last = int(span[1]), int(span[2] or span[1])
        if not (0 if span[3] else 1) <= first <= last <= total:
            raise Malformed(f"{line.strip()}：现稿只有 {total} 行")
        body: list[str] = []
        edits.append(Edit(first, None if span[3] else last, body))  # type: ignore[arg-type]
        return body, none
    if swap := INLINE.match(line):
        swaps.append(Swap(int(swap[1]), swap[2], swap[3] or ""))
        return None, none
    if witness := WITNESS.match(line):
        witnesses.append((witness[1], []))
        return witnesses[-1][1], none
    if declined := NONE.match(line):
        return None, declined[1] or ""
    raise Malformed(f"读不懂这一行：{line[:60]}")


def _trimmed(lines: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return tuple(kept)


def _check(edits: Edits, text: str) -> None:
    lines = text.split("\n")
    for swap in edits.swaps:
        if not 1 <= swap.line <= len(lines):
            raise Malformed(f"@@ {swap.line}：现稿只有 {len(lines)} 行")
        count = lines[swap.line - 1].count(swap.old)
        if count != 1:
            raise Malformed(f"第 {swap.line} 行里“{swap.old[:30]}”出现 {count} 次，应恰好一次")
    places = _places(edits.swaps, lines)
    for (row, _, stop, _), (other, start, _, _) in pairwise(places):
        if row == other and start < stop:
            raise Malformed(f"第 {row} 行的两处行内改动重叠")
    spans = sorted((e.first, e.last) for e in edits.edits if e.last is not None)
    for (_, last), (first, _) in itertools.pairwise(spans):
        if first <= last:
            raise Malformed(f"第 {first} 行被改了两次")
    for n in (e.first for e in edits.edits if e.last is None):
        if any(first <= n < last for first, last in spans):
            raise Malformed(f"第 {n} 行之后的插入落在整段替换的行里")
    touched = {n for a, b in spans for n in range(a, b + 1)}
    both = next((s.line for s in edits.swaps if s.line in touched), None)
    if both is not None:
        raise Malformed(f"第 {both} 行既整行替换又行内替换")
    if edits.none is not None and not edits.empty:
        raise Malformed("既说无改动，又交了改动")
