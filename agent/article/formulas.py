"""Formulas and fenced code of an article, built from the scanner's tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.article import tex as tex_reader
from agent.article.lines import Lines
from agent.article.parts import Code, Formula
from agent.article.scan import Token

_QUOTE = re.compile(r"[ \t]*+(?>(?:>[ \t]*+)+)")
_QUOTE_MARKS = re.compile(r"[ \t]*+(?>(?:> ?)+)")
_DELIMITERS = {"$": 1, "$$": 2, "\\[": 2, "\\(": 2}


def formulas(lines: Lines, tokens: list[Token]) -> Iterator[Formula]:
    for token in tokens:
        if token.kind == "display" or token.kind == "inline":
            yield _formula(lines, token)


def _formula(lines: Lines, token: Token) -> Formula:
    raw = lines.text[token.start : token.stop]
    line, column = lines.place(token.start)
    tex = raw
    width = _DELIMITERS.get(token.name, 0)
    if width:
        tex = raw[width:-width]
    if "\n" in tex:
        tex = tex.replace("\r\n", "\n")
        if _QUOTE.match(lines.text, lines.starts[line - 1], token.start):
            tex = "\n".join(_QUOTE_MARKS.sub("", part, count=1) for part in tex.split("\n"))
    tex = tex_reader.normalise(tex)
    display = token.kind == "display"
    named = "\\label" in tex or "\\tag" in tex
    return Formula(
        kind="display" if display else "inline",
        env=token.name,
        raw=raw,
        tex=tex,
        line=line,
        column=column,
        last_line=lines.place(token.stop - 1)[0],
        labels=tex_reader.labels(tex) if named else (),
        tags=tex_reader.tags(tex) if named else (),
        numbered=tex_reader.numbered(tex) if display else 0,
        start=token.start,
        stop=token.stop,
    )


def codes(lines: Lines, tokens: list[Token]) -> Iterator[Code]:
    for token in tokens:
        if token.kind == "fence":
            yield _code(lines, token)


def _code(lines: Lines, token: Token) -> Code:
    rows = [row.removesuffix("\r") for row in lines.text[token.start : token.stop].split("\n")]
    opening = rows[0][len(token.name) :]
    info = opening.lstrip(opening[0]).strip()
    language, _, rest = info.partition(" ")
    column = len(token.name.expandtabs(4))
    content = rows[1:-1] if token.closed else rows[1:]
    quoted = ">" in token.name
    text = "\n".join(_outdented(row, column, quoted) for row in content)
    return Code(
        language=language,
        info=rest.strip(),
        text=text + "\n" if content else "",
        line=lines.place(token.start)[0],
        last_line=lines.place(token.stop - 1)[0],
        closed=token.closed,
    )


def _outdented(row: str, column: int, quoted: bool) -> str:
    if quoted:
        return _QUOTE_MARKS.sub("", row, count=1)
    if not column:
        return row
    indent = len(row) - len(row.lstrip(" \t"))
    if "\t" in row[:indent]:
        row = row[:indent].expandtabs(4) + row[indent:]
        indent = len(row) - len(row.lstrip(" "))
    return row[min(column, indent) :]
