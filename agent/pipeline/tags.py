"""Generated tags for displays in regions.

The site numbers displays with MathJax `tags: 'ams'`, so a new numbered display would shift the author's
numbers. A display with a `\\tag` does not advance the counter: every row of ours that would get a number gets
a tag of a series of our own, E1, E2, …
"""

from __future__ import annotations

import re

NUMBERING = ("equation", "align", "gather", "multline", "eqnarray", "alignat", "flalign")
"""Environments that number by themselves; the starred forms and `$$`, `\\[` do so only where they hold a label."""
BY_ROW = ("align", "gather", "eqnarray", "alignat", "flalign")
TOKEN = re.compile(r"\\\\|\\begin\{[^}]*\}|\\end\{[^}]*\}|\\[A-Za-z]+|\\.|[{}]", re.S)
SERIES = "E"


def tag_display(env: str, raw: str, last: int, series: str = SERIES) -> tuple[str, int]:
    """``raw`` with its tags, and the number used last.

    ``env`` is the environment or opening delimiter of the display, ``raw`` its text with delimiters, ``series``
    what stands before the number.
    """
    name = env.rstrip("*")
    automatic = name in NUMBERING and not env.endswith("*")
    opening, body, closing = _open(env, raw)
    rows = split_rows(body) if name in BY_ROW else [(body, "")]
    made = []
    for row, separator in rows:
        wanted = "\\label{" in row or (automatic and not re.search(r"\\(?:notag|nonumber)\b", row))
        if wanted and not re.search(r"\\tag\b", row) and row.strip():
            last += 1
            kept = row.rstrip()
            row = f"{kept} \\tag{{{series}{last}}}{row[len(kept) :]}"
        made.append(row + separator)
    return opening + "".join(made) + closing, last


def _open(env: str, raw: str) -> tuple[str, str, str]:
    if env in ("$$", "\\["):
        return raw[:2], raw[2:-2], raw[-2:]
    head = re.match(r"\\begin\{[^}]*\}(?:\{\d+\})?", raw)
    tail = raw.rfind("\\end{")
    if head is None or tail < head.end():
        return "", raw, ""
    return raw[: head.end()], raw[head.end() : tail], raw[tail:]


def split_rows(body: str) -> list[tuple[str, str]]:
    """(row, separator) at depth 0: neither inside braces nor inside an inner environment."""
    rows: list[tuple[str, str]] = []
    depth = at = 0
    for token in TOKEN.finditer(body):
        text = token[0]
        if text == "{" or text.startswith("\\begin{"):
            depth += 1
        elif text == "}" or text.startswith("\\end{"):
            depth -= 1
        elif text == "\\\\" and depth == 0:
            rows.append((body[at : token.start()], text))
            at = token.end()
    rows.append((body[at:], ""))
    return rows
