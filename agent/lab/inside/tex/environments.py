"""Blocks with rows and columns: matrices, cases, and alignment marks that mean nothing."""

from __future__ import annotations

from collections.abc import Callable

from .nodes import Node

Cells = list[list[list[str]]]


def cells(name: str, take: Callable[[], str]) -> Cells:
    """The tokens of each cell, row by row, up to the end of environment ``name``."""
    rows: Cells = [[[]]]
    depth = 0
    while True:
        token = take()
        if token == rf"\end:{name}" and depth == 0:
            return [row for row in rows if row != [[]]]
        depth += token.startswith(r"\begin:") - token.startswith(r"\end:")
        if depth == 0 and token == r"\\":
            rows.append([[]])
        elif depth == 0 and token == "&":
            rows[-1].append([])
        else:
            rows[-1][-1].append(token)


def cases(rows: Cells, inner: Callable[[list[str]], Node], condition: Callable[[list[str]], Node]) -> Node:
    """Values and conditions in turn; a row without a condition, or with words alone, is the rest."""
    found: list[Node] = []
    for row in rows:
        value = list(row[0])
        while value and value[-1] == ",":
            value.pop()
        test = [token for token in (row[1] if len(row) > 1 else []) if not token.startswith(r"\op:")]
        found += [inner(value), condition(test) if test else Node("list")]
    return Node("cases", tuple(found))


def unaligned(stream: list[str]) -> list[str]:
    """Without alignment marks, which mean something inside matrices and cases only."""
    out: list[str] = []
    depth = 0
    for token in stream:
        depth += token.startswith(r"\begin:") - token.startswith(r"\end:")
        if token != "&" or depth:
            out.append(token)
    return out
