"""Regions: how an expansion lives inside its article (REGIONS.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agent.article import frontmatter, grammar
from agent.article.anchors import Anchor, anchors, nearest
from agent.article.frontmatter import stamp, stamped_sha256
from agent.article.grammar import Region, has_marker_text, regions
from agent.article.parts import Article
from agent.article.text import read
from agent.errors import RegionError

__all__ = [
    "Insertion",
    "Region",
    "has_marker_text",
    "has_stub",
    "insert",
    "refuse_markers",
    "regions",
    "stamp",
    "stamped_sha256",
    "strip",
    "stub_lines",
]

_STUB_HEADING = "公式推导与注释"
_TODO = r"TODO(?![A-Za-z0-9])"
_STUB = re.compile(_TODO)
_BLANKS = r"(?:[ \t]*\r?\n)*"
_STUB_SECTION = re.compile(
    rf"^ {{0,3}}#{{1,6}}[ \t]+{_STUB_HEADING}[ \t]*(?:[ \t]#+[ \t]*)?\r?\n{_BLANKS} {{0,3}}{_TODO}".encode(),
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Insertion:
    id: str
    """Letters, digits and ``. _ : -``, such as ``theory.2``; unique in the file."""
    text: str
    """Any line endings; blank lines around it are dropped. May not hold marker text."""
    anchor: Anchor | None = None
    """Looked up by name, so an anchor of the original also works on a draft. Not used with ``was``."""
    was: tuple[int, int] | None = None
    """The author's lines (first, last; 1-based) that this region stands in for; whole top-level blocks."""


class _Placed(NamedTuple):
    """An insertion with the bytes it goes before (``start == stop``) or stands in for."""

    start: int
    stop: int
    order: int
    insertion: Insertion


def insert(data: bytes, insertions: Sequence[Insertion]) -> bytes:
    """``data`` with regions added; those at one anchor stand in the order given, after regions already there.

    Raises RegionError for an ID that is taken or malformed, marker text in a text, an anchor that does not
    exist, and ``was`` lines that are not whole blocks or overlap. Raises NotUtf8."""
    article = read(data, "the article")
    places = anchors(article)
    existing = regions(data)
    taken = {region.id for region in existing}
    placed = []
    for order, insertion in enumerate(insertions):
        _check(insertion, taken)
        taken.add(insertion.id)
        start, stop = _place(article, places, existing, insertion)
        placed.append(_Placed(start, stop, order, insertion))
    placed.sort(key=lambda place: (place.start, place.stop, place.order))
    body = frontmatter.body_start(data)
    out = bytearray()
    pos = 0
    for place in placed:
        if place.start < pos:
            raise RegionError(
                f"region {place.insertion.id} stands in for lines that another one stands in for"
            )
        out += data[pos : place.start]
        _append(out, place.insertion, data, place, body)
        pos = place.stop
    out += data[pos:]
    return bytes(out)


def _check(insertion: Insertion, taken: set[str]) -> None:
    if not grammar.is_id(insertion.id):
        raise RegionError(f"not a region's ID: {insertion.id!r}", hint="use letters, digits and . _ : -")
    if insertion.id in taken:
        raise RegionError(f"a second region called {insertion.id}")
    if has_marker_text(insertion.text):
        raise RegionError(f"the text of region {insertion.id} holds marker text", hint="ask for it again")


def _place(
    article: Article, places: tuple[Anchor, ...], existing: tuple[Region, ...], insertion: Insertion
) -> tuple[int, int]:
    if insertion.was is None:
        if insertion.anchor is None:
            raise RegionError(f"region {insertion.id} has no anchor")
        offset = nearest(places, str(insertion.anchor)).offset
        return offset, offset
    first, last = insertion.was
    firsts = {block.first for block in article.blocks}
    lasts = {block.last for block in article.blocks}
    if first > last or first not in firsts or last not in lasts:
        raise RegionError(
            f"region {insertion.id}: lines {first} to {last} are not whole blocks of the article", line=first
        )
    if any(region.begin_line <= last and first <= region.end_line for region in existing):
        raise RegionError(f"region {insertion.id}: lines {first} to {last} belong to a region", line=first)
    rows = article.text.split("\n")
    start = sum(len(row.encode()) + 1 for row in rows[: first - 1])
    stop = start + sum(len(row.encode()) + 1 for row in rows[first - 1 : last])
    return max(start, frontmatter.body_start(article.data)), min(stop, len(article.data))


def _append(out: bytearray, insertion: Insertion, data: bytes, place: _Placed, body: int) -> None:
    eol = _line_ending(out, data)
    glue = b""
    if out and not out.endswith(b"\n") and len(out) > (3 if data.startswith(b"\xef\xbb\xbf") else 0):
        glue += eol
    if len(out) > body and not _after_blank(out, len(glue)):
        glue += eol
    out += glue
    was = data[place.start : place.stop] if insertion.was else None
    text = grammar.trimmed(insertion.text.replace("\r\n", "\n").replace("\r", "\n"))
    try:
        out += grammar.render(insertion.id, text, glue=len(glue), was=was, eol=eol.decode())
    except UnicodeEncodeError as error:
        raise RegionError(
            f"the text of region {insertion.id} cannot be written as UTF-8", hint="ask for it again"
        ) from error


def _line_ending(out: bytearray, data: bytes) -> bytes:
    """That of the last line that has one, else of the file's first, else ``\\n``."""
    for part in (out, data):
        newline = part.rfind(b"\n") if part is out else part.find(b"\n")
        if newline >= 0:
            return b"\r\n" if part[newline - 1 : newline] == b"\r" else b"\n"
    return b"\n"


def _after_blank(out: bytearray, glued: int) -> bool:
    """Whether the last line is blank once ``glued`` bytes end it."""
    stop = len(out) if glued else len(out) - 1
    last = out[out.rfind(b"\n", 0, stop) + 1 : stop]
    return not last.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r")


def strip(data: bytes) -> bytes:
    """The author's bytes: regions removed, what they stood in for put back, front matter restored.

    Raises RegionError as ``regions`` does, and for a stamp that cannot be read."""
    return grammar.edited(data, grammar.edits(data))


def refuse_markers(data: bytes, name: str) -> None:
    """Raise RegionError with the line when a source holds marker text (anywhere, fences included) or a
    stamp."""
    hint = (
        "an expanded article is not a source: `expand strip` gives the original back; else reword that line"
    )
    marked = grammar.find_markers(data)
    if marked:
        raise RegionError(f"{name}:{marked[0]}: marker text in a source", line=marked[0], hint=hint)
    line = frontmatter.stamp_line(data)
    if line:
        raise RegionError(f"{name}:{line}: an expand: line in a source's front matter", line=line, hint=hint)


def stub_lines(article: Article) -> tuple[int, int] | None:
    """First and last line of the ``TODO`` paragraph under ``## 公式推导与注释``, or None."""
    under = {heading.line for heading in article.headings if heading.text == _STUB_HEADING}
    for heading, block in zip(article.blocks, article.blocks[1:], strict=False):
        if heading.first in under and block.kind == "paragraph" and _STUB.match(block.text.lstrip()):
            return block.first, block.last
    return None


def has_stub(data: bytes) -> bool:
    """Whether the author's stub is there, without reading the article: for hundreds of files at once.

    The same rule as :func:`stub_lines`, but for one thing: a stub shown inside a fence or a comment counts.
    """
    return _STUB_SECTION.search(data) is not None
