"""Regions: how an expansion lives inside its article (REGIONS.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.article.anchors import Anchor
from agent.article.parts import Article


@dataclass(frozen=True, slots=True)
class Insertion:
    id: str
    """Letters, digits and ``. _ : -``, such as ``theory.2``; unique in the file."""
    text: str
    """Any line endings; leading and trailing blank lines are dropped. May not hold marker text."""
    anchor: Anchor | None = None
    """Looked up by name, so an anchor of the original also works on a draft. Not used where ``was`` is given."""
    was: tuple[int, int] | None = None
    """The author's lines (first, last; 1-based) that this region stands in for; whole top-level blocks."""


@dataclass(frozen=True, slots=True)
class Region:
    id: str
    glue: int
    """Bytes of line ending before ``start`` that are ours too."""
    was: bytes
    text: str
    """The content, ``\\n`` at line ends, without the region's own blank lines."""
    begin_line: int
    end_line: int
    """Lines of the two markers."""
    start: int
    """Offset in bytes of the ``<`` of *begin*; the glue stands before it."""
    stop: int
    """Offset in bytes just after the empty line that follows *end*."""


def insert(data: bytes, insertions: Sequence[Insertion]) -> bytes:
    """``data`` with regions added; those at one anchor stand in the order given, after regions already there.

    Raises RegionError for an ID that is taken or malformed, marker text in a text, an anchor that does not exist,
    and ``was`` lines that are not whole blocks or overlap. Raises NotUtf8."""
    raise NotImplementedError


def regions(data: bytes) -> tuple[Region, ...]:
    """In file order. Raises RegionError with the line: begin without end, end without begin, nested, an ID
    twice, attributes that cannot be read."""
    raise NotImplementedError


def strip(data: bytes) -> bytes:
    """The author's bytes: regions removed, what they stood in for put back, front matter restored.

    Raises RegionError as ``regions`` does, and for a stamp that cannot be read."""
    raise NotImplementedError


def stamp(data: bytes, *, sha256: str, status: str) -> bytes:
    """Front matter: ``status:`` gets the new value, and a flat line ``expand: sha256=… status=…`` (the source's
    hash and the old bytes, percent-encoded) goes before the closing ``---``. Without a status line none is added,
    without front matter ``data`` comes back as it is. Stamping again keeps the first status."""
    raise NotImplementedError


def stamped_sha256(data: bytes) -> str | None:
    """The source's sha256 from the stamp, or None where there is none. Raises RegionError if it cannot be read."""
    raise NotImplementedError


def refuse_markers(data: bytes, name: str) -> None:
    """Raise RegionError with the line when a source holds marker text (anywhere, fences included) or a stamp."""
    raise NotImplementedError


def has_marker_text(text: str) -> bool:
    """Whether a model's reply holds marker text, which makes it malformed."""
    raise NotImplementedError


def stub_lines(article: Article) -> tuple[int, int] | None:
    """First and last line of the ``TODO`` paragraph under ``## 公式推导与注释``, or None."""
    raise NotImplementedError
