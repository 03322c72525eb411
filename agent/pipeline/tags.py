"""Generated tags for displays in regions.

The site numbers displays with MathJax `tags: 'ams'`, so a new numbered display would shift the author's
numbers. A display with a `\\tag` does not advance the counter: every row of ours that would get a number gets
a tag of a series of our own, E1, E2, …
"""

from __future__ import annotations

import re

from agent.article.tex import LABEL, NUMBERED, ONE_NUMBER, comments_blanked

BY_ROW = NUMBERED - ONE_NUMBER
TOKEN = re.compile(r"\\\\|\\(?:begin|end)\s*\{[^}]*\}|\\[A-Za-z]+|\\.|[{}]", re.S)
SERIES = "E"


def tag_display(env: str, raw: str, last: int, series: str = SERIES) -> tuple[str, int]:
    """``raw`` with its tags, and the number used last.

    ``env`` is the environment or opening delimiter of the display, ``raw`` its text with delimiters, ``series``
    what stands before the number.
    """
    name = env.rstrip("*")
    # The starred forms and `$$`, `\\[` number only where they hold a label.
    automatic = name in NUMBERED and not env.endswith("*")
    opening, body, closing = _open(env, raw)
    rows = split_rows(body) if name in BY_ROW else [(body, "")]
    made = []
    for number, (row, separator) in enumerate(rows, 1):
        code = comments_blanked(row)
        # An empty equation gets a number, and an empty row too, but for the one behind the last separator.
        ends = name in BY_ROW and number == len(rows) and not code.strip()
        wanted = LABEL.search(code) or (
            automatic and not re.search(r"\\(?:notag|nonumber)(?![A-Za-z])", code)
        )
        if wanted and not re.search(r"\\tag(?![A-Za-z])", code) and not ends:
            last += 1
            # Before a comment, which would swallow it.
            at = len(code.rstrip())
            row = f"{row[:at]} \\tag{{{series}{last}}}{row[at:]}"
        made.append(row + separator)
    return opening + "".join(made) + closing, last


def _open(env: str, raw: str) -> tuple[str, str, str]:
    if env in ("$$", "\\["):
        return raw[:2], raw[2:-2], raw[-2:]
    head = re.match(r"\\begin\s*\{[^}]*\}(?:\s*\{\d+\})?", raw)
    tail = re.search(r"\\end\s*\{[^{}]*\}\Z", raw)
    if head is None or tail is None or tail.start() < head.end():
        return "", raw, ""
    return raw[: head.end()], raw[head.end() : tail.start()], raw[tail.start() :]


def split_rows(body: str) -> list[tuple[str, str]]:
    """(row, separator) at depth 0: neither inside braces nor inside an inner environment."""
    rows: list[tuple[str, str]] = []
    depth = at = 0
    for token in TOKEN.finditer(comments_blanked(body)):
        text = token[0]
        if text == "{" or (text.startswith("\\begin") and text[-1] == "}"):
            depth += 1
        elif text == "}" or (text.startswith("\\end") and text[-1] == "}"):
            depth -= 1
        elif text in ("\\\\", "\\cr") and depth == 0:
            rows.append((body[at : token.start()], text))
            at = token.end()
    rows.append((body[at:], ""))
    return rows
