"""Source views: the unified diff, and both texts side by side."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from typing import Literal

Kind = Literal["same", "added", "removed", "changed", "hunk", "skip"]
CONTEXT = 3
LONGEST = 2_000
"""Characters of a line that are shown."""


@dataclass(frozen=True, slots=True)
class Row:
    kind: Kind
    left: int
    """Line number on the left; 0 where nothing stands there."""
    right: int
    old: str
    new: str


def side_by_side(before: str, after: str, *, context: int | None = None) -> list[Row]:
    """Aligned rows of two texts. ``context``: lines kept around a change; None keeps all."""
    old, new = before.split("\n"), after.split("\n")
    rows: list[Row] = []
    for tag, a, b, c, d in _opcodes(old, new):
        if tag == "equal":
            same = [
                Row("same", i + 1, j + 1, old[i], new[j])
                for i, j in zip(range(a, b), range(c, d), strict=True)
            ]
            rows += same if context is None else _shortened(same, context, not rows, b == len(old))
        else:
            for i, j in zip_longest(range(a, b), range(c, d)):
                rows.append(_changed(old, new, i, j))
    return rows


def _opcodes(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    return iter(difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes())


def _changed(old: Sequence[str], new: Sequence[str], i: int | None, j: int | None) -> Row:
    if i is None:
        return Row("added", 0, j + 1, "", new[j]) if j is not None else Row("skip", 0, 0, "", "")
    if j is None:
        return Row("removed", i + 1, 0, old[i], "")
    return Row("changed", i + 1, j + 1, old[i], new[j])


def _shortened(same: list[Row], context: int, first: bool, last: bool) -> list[Row]:
    head = [] if first else same[:context]
    tail = [] if last else same[-context:] if context else []
    hidden = len(same) - len(head) - len(tail)
    if hidden <= 1:
        return same
    return [*head, Row("skip", 0, 0, f"{hidden} 行相同", ""), *tail]


def side_html(rows: Sequence[Row], left: str, right: str) -> str:
    """A table of four columns: line, old, line, new."""
    body = "".join(_side_row(r) for r in rows)
    return (
        '<table class="diff side"><colgroup><col class="no"><col><col class="no"><col></colgroup>'
        f"<thead><tr><th></th><th>{escape(left)}</th><th></th><th>{escape(right)}</th></tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _side_row(row: Row) -> str:
    if row.kind == "skip":
        return f'<tr class="d-skip"><td colspan="4">{escape(row.old)}</td></tr>'
    old = "del" if row.kind in ("removed", "changed") else ""
    new = "ins" if row.kind in ("added", "changed") else ""
    return (
        f'<tr class="d-{row.kind}"><td class="no">{row.left or ""}</td><td class="{old}">{_cut(row.old)}</td>'
        f'<td class="no">{row.right or ""}</td><td class="{new}">{_cut(row.new)}</td></tr>'
    )


def unified_html(patch: bytes) -> str:
    """The patch as a table: old line, new line, text."""
    body: list[str] = []
    old = new = 0
    for line in patch.decode("utf-8", "replace").split("\n"):
        if line.startswith("@@"):
            old, new = _hunk(line)
            body.append(f'<tr class="d-hunk"><td colspan="3">{escape(line)}</td></tr>')
        elif old == new == 0 or line.startswith("\\") or not line:
            continue
        else:
            sign = line[0]
            kind = {"+": "added", "-": "removed"}.get(sign, "same")
            left = old if sign != "+" else ""
            right = new if sign != "-" else ""
            body.append(
                f'<tr class="d-{kind}"><td class="no">{left}</td><td class="no">{right}</td>'
                f"<td>{escape(sign)}{_cut(line[1:])}</td></tr>"
            )
            old, new = old + (sign != "+"), new + (sign != "-")
    return f'<table class="diff unified"><colgroup><col class="no"><col class="no"><col></colgroup><tbody>{"".join(body)}</tbody></table>'


def _hunk(line: str) -> tuple[int, int]:
    found = re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)", line)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _cut(text: str) -> str:
    return escape(text if len(text) <= LONGEST else f"{text[:LONGEST]} …（{len(text):,} 个字符）")
