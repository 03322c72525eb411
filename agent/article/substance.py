"""Which lines of an article say something."""

from __future__ import annotations

import re

from agent.article.parts import Article

_HTML_ONLY = re.compile(
    r"(?>(?:\s++|</?[A-Za-z][A-Za-z0-9-]*+(?:\s[^<>]*+)?/?>|<!--(?>(?:[^-]++|-(?!->))*)-->)+)"
)


def substance_lines(article: Article) -> frozenset[int]:
    """Numbers (1-based) of the lines that are not blank, not HTML-only and not a fence."""
    fences: set[int] = set()
    code: set[int] = set()
    for block in article.codes:
        fences.add(block.line)
        if block.closed:
            fences.add(block.last_line)
        code.update(range(block.line + 1, block.last_line + 1))
    hidden = _comment_lines(article)
    found: set[int] = set()
    for number, row in enumerate(article.lines, start=1):
        if not row.strip() or number in fences:
            continue
        if number in code or (number not in hidden and not _HTML_ONLY.fullmatch(row)):
            found.add(number)
    return frozenset(found)


def _comment_lines(article: Article) -> set[int]:
    """Lines that hold nothing but a part of an HTML comment."""
    hidden: set[int] = set()
    text = article.text
    line = 1
    pos = 0
    for span in article.spans:
        if span.kind != "comment":
            continue
        line += text.count("\n", pos, span.start)
        inside = text.count("\n", span.start, span.stop)
        if inside:
            begin = text.rfind("\n", 0, span.start) + 1
            end = text.find("\n", span.stop)
            first = line if not text[begin : span.start].strip() else line + 1
            rest = text[span.stop : end if end >= 0 else len(text)]
            last = line + inside if not rest.strip() else line + inside - 1
            hidden.update(range(first, last + 1))
        line += inside
        pos = span.stop
    return hidden
