"""What is left of the author's original."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.article import Article, strip, stub_lines
from agent.checks.page import Page
from agent.errors import RegionError
from agent.records import Finding

_SHOWN = 4


def check(page: Page) -> list[Finding]:
    """The source survives: with the regions stripped the text is the original, byte for byte.

    Where it is not, one finding for each kind of thing (paragraphs, equations, headings, labels, links,
    images) says how many of them survive and which are gone. The stub under 公式推导与注释 may go; the front
    matter has a rule of its own.
    """
    if page.source is None or page.is_part:
        return []
    try:
        left = strip(page.article.data)
    except RegionError as error:
        return [Finding("source", "survival", "error", f"the regions cannot be read: {error}", error.line)]
    if left == page.source.data:
        return []
    text, spaceless = page.article.text, _spaceless(page.article.text)
    found = []
    for kind, wanted in _things(page.source).items():
        gone = [(name, line) for name, line, trace in wanted if trace not in spaceless]
        if gone:
            found.append(_lost(kind, len(wanted), gone))
    if not found and _body(page.article, text) != _body(page.source, page.source.text):
        message = "the author's text is all there, but not byte for byte as it was"
        found.append(Finding("source", "survival", "warning", message))
    return found


def _things(source: Article) -> dict[str, list[tuple[str, int, str]]]:
    """By kind: (how to call it, its line, what must be found in the text, without white space)."""
    stub = stub_lines(source)
    stub_range = range(stub[0], stub[1] + 1) if stub else range(0)
    paragraphs = [
        block
        for block in source.blocks
        if block.kind in {"paragraph", "list", "quote", "table"} and block.first not in stub_range
    ]
    return {
        "paragraphs": [(_short(b.text), b.first, _spaceless(b.text)) for b in paragraphs],
        "equations": [(_short(f.raw), f.line, _spaceless(f.raw)) for f in source.displays],
        "headings": [(h.text, h.line, _spaceless(f"# {h.text}")) for h in source.headings],
        "labels": [(label.name, label.line, rf"\label{{{label.name}}}") for label in source.labels],
        "links": [(link.url, link.line, _spaceless(link.url)) for link in source.links],
        "images": [(image.url, image.line, _spaceless(image.url)) for image in source.images],
    }


def _lost(kind: str, total: int, gone: Sequence[tuple[str, int]]) -> Finding:
    names = "; ".join(f"line {line}: {name}" for name, line in gone[:_SHOWN])
    more = f"; and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else ""
    message = f"{total - len(gone)} of the source's {total} {kind} survive; gone: {names}{more}"
    return Finding("source", "survival", "error", message)


def _spaceless(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _body(article: Article, text: str) -> str:
    return text[article.body :]


def _short(text: str, limit: int = 40) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
