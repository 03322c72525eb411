"""Colouring Python by its own tokenizer; anything it cannot read stays plain."""

from __future__ import annotations

import io
import keyword
import tokenize
from html import escape

MAX = 60_000
"""Characters; longer code is shown plain."""


def python_html(code: str) -> str:
    """``code`` as HTML with spans of the classes k (keyword), s (string), c (comment), n (number)."""
    if len(code) > MAX:
        return escape(code)
    rows = code.splitlines(keepends=True)
    out: list[str] = []
    line, column = 1, 0

    def upto(to_line: int, to_column: int) -> str:
        nonlocal line, column
        if line > len(rows) or (to_line, to_column) <= (line, column):
            return ""
        pieces = []
        while line < to_line and line <= len(rows):
            pieces.append(rows[line - 1][column:])
            line, column = line + 1, 0
        if line <= len(rows):
            pieces.append(rows[line - 1][column:to_column])
            column = to_column
        return "".join(pieces)

    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            kind = _kind(token)
            if kind:
                out.append(escape(upto(*token.start)))
                out.append(f'<span class="{kind}">{escape(upto(*token.end))}</span>')
    except (tokenize.TokenError, SyntaxError):
        pass  # half a program is still worth showing
    out.append(escape(upto(len(rows) + 1, 0)))
    return "".join(out)


def _kind(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        return "k"
    return {tokenize.STRING: "s", tokenize.COMMENT: "c", tokenize.NUMBER: "n"}.get(token.type, "")
