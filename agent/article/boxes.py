"""HTML boxes: which line closes the element that another line opens."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from agent.article import html
from agent.article.lines import Lines
from agent.article.parts import Box
from agent.article.scan import Token

_TAG = re.compile(rf"<(?P<close>/?)(?P<name>(?i:{html.CONTAINERS}))(?=[\s/>])")
_CLASS = re.compile(r"""\bclass\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""", re.IGNORECASE)
_TAG_LIMIT = 2000


class Element(NamedTuple):
    name: str
    first: int
    last: int
    """Line of the closing tag, or ``first`` where nothing closes it."""
    closed: bool
    tag: str


def elements(lines: Lines, tokens: list[Token], body: int) -> list[Element]:
    """Block-level HTML elements outside code, comments and mathematics, in order of their opening tags."""
    text = lines.text
    starts = [token.start for token in tokens]
    found: list[Element] = []
    open_by_name: dict[str, list[int]] = {}
    for tag in _TAG.finditer(text, body):
        index = bisect_right(starts, tag.start()) - 1
        if index >= 0 and tokens[index].stop > tag.start():
            continue
        name = tag["name"].lower()
        line = lines.place(tag.start())[0]
        if tag["close"]:
            waiting = open_by_name.get(name)
            if waiting:
                position = waiting.pop()
                found[position] = found[position]._replace(last=line, closed=True)
            continue
        end = text.find(">", tag.end(), tag.end() + _TAG_LIMIT)
        whole = text[tag.start() : end + 1] if end >= 0 else tag[0]
        if whole.endswith("/>"):
            continue
        open_by_name.setdefault(name, []).append(len(found))
        found.append(Element(name, line, line, False, whole))
    return found


def boxes(lines: Lines, found: list[Element]) -> tuple[Box, ...]:
    """``<div class=…>`` and ``<details>``."""
    result = []
    for element in found:
        named = _CLASS.search(element.tag)
        classes = next((group for group in named.groups() if group is not None), "").split() if named else []
        if element.name == "details" or (element.name == "div" and classes):
            last = element.last if element.closed else _paragraph_end(lines, element.first)
            result.append(Box(classes[0] if classes else "details", element.first, last, element.closed))
    return tuple(result)


def _paragraph_end(lines: Lines, line: int) -> int:
    last = line
    while last < len(lines.rows) and not lines.is_blank(last + 1):
        last += 1
    return last
