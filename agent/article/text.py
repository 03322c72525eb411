"""Reading an article."""

from __future__ import annotations

import re

from agent.article.blocks import blocks
from agent.article.boxes import boxes, elements
from agent.article.formulas import codes, formulas
from agent.article.frontmatter import body_start, front_matter
from agent.article.headings import headings
from agent.article.lines import Lines
from agent.article.links import blanked, links
from agent.article.parts import Article, Label, Span, Stray
from agent.article.scan import Token, scan
from agent.errors import NotUtf8

_HTML_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*+(?:\s[^<>]*+)?/?>")


def decode(data: bytes, name: str) -> str:
    """Raises NotUtf8 with the offset of the first bad byte."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise NotUtf8(name, error.start) from error


def read(data: bytes, name: str) -> Article:
    """Parse ``data``; any UTF-8 text is an article, however malformed its Markdown.

    Raises NotUtf8 with the offset of the first bad byte.
    """
    text = decode(data, name)
    lines = Lines(text)
    body = len(data[: body_start(data)].decode())
    front = front_matter(data)
    tokens, strays = scan(text, body)
    html = elements(lines, tokens, body)
    found = blocks(lines, tokens, html, front.last + 1 if front else 1)
    formula = tuple(formulas(lines, tokens))
    link, image = links(lines, tokens, body)
    return Article(
        name=name,
        data=data,
        text=text,
        lines=lines.rows,
        front=front,
        blocks=found,
        headings=headings(lines, tokens, found),
        formulas=formula,
        codes=tuple(codes(lines, tokens)),
        boxes=boxes(lines, html),
        links=link,
        images=image,
        labels=tuple(Label(label, item.line) for item in formula for label in item.labels),
        spans=tuple(_span(token) for token in tokens),
        strays=tuple(Stray(stray, *lines.place(offset)) for stray, offset in strays),
        body=body,
    )


def _span(token: Token) -> Span:
    name = token.name if token.kind in ("display", "inline", "raw") else ""
    return Span(token.kind, token.start, token.stop, name)


def prose(article: Article) -> str:
    """``article.text`` with everything that is no prose blanked out: front matter, mathematics, code,
    comments and HTML tags become spaces. Same length and the same line endings, so offsets and lines
    still hold."""
    text = article.text
    tokens = [Token(span.kind, span.start, span.stop, span.name, True) for span in article.spans]
    head = re.sub(r"[^\r\n]", " ", text[: article.body])
    bare = head + blanked(text, tokens)[article.body :]
    return _HTML_TAG.sub(lambda tag: re.sub(r"[^\r\n]", " ", tag[0]), bare)
