"""Links and images of an article, autolinks included; those in code, comments and mathematics do not
count."""

from __future__ import annotations

import re

from agent.article.lines import Lines
from agent.article.parts import Image, Link
from agent.article.scan import Token

_STEP = re.compile(
    r"\\[^\n]|!?\[|\](?P<target>\([ \t]*+(?:<(?P<angle>[^<>\n]*+)>|(?P<url>(?>(?:[^\s()<>]|\([^\s()]*+\))*)))"
    r"(?:\s++(?:\"[^\"\n]*+\"|'[^'\n]*+'))?\s*+\))?"
    r"|<(?P<auto>https?://[^\s<>]++)>"
    r"|\n[ \t]*+\r?(?=\n)"
)


def links(lines: Lines, tokens: list[Token], body: int) -> tuple[tuple[Link, ...], tuple[Image, ...]]:
    """Inline links, autolinks and images, in file order; ``[![…](…)](…)`` is an image and a link."""
    text = lines.text
    masked = blanked(text, tokens)
    found: list[Link] = []
    images: list[Image] = []
    waiting: list[tuple[bool, int, int]] = []
    for step in _STEP.finditer(masked, body):
        token = step[0]
        if token[0] == "[" or token == "![":
            waiting.append((token[0] == "!", step.start(), step.end()))
        elif token[0] == "<":
            found.append(Link(step["auto"], step["auto"], lines.place(step.start())[0]))
        elif token[0] == "\n":
            waiting.clear()  # a link ends with its paragraph
        elif token[0] == "]" and waiting:
            is_image, start, inner = waiting.pop()
            if step["target"] is not None:
                url = step["angle"] if step["angle"] is not None else step["url"]
                label = text[inner : step.start()]
                line = lines.place(start)[0]
                if is_image:
                    images.append(Image(label, url, line))
                else:
                    found.append(Link(label, url, line))
    return tuple(sorted(found, key=lambda link: link.line)), tuple(images)


def blanked(text: str, tokens: list[Token]) -> str:
    """``text`` with every token turned into spaces; line endings stay, so offsets and lines still hold."""
    out = []
    pos = 0
    for token in tokens:
        out.append(text[pos : token.start])
        inside = text[token.start : token.stop]
        if "\n" in inside or "\r" in inside:
            out.append(re.sub(r"[^\r\n]", " ", inside))
        else:
            out.append(" " * len(inside))
        pos = token.stop
    out.append(text[pos:])
    return "".join(out)
