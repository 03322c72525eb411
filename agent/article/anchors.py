"""Where a region may stand (REGIONS.md, *anchors*)."""

from __future__ import annotations

from dataclasses import dataclass

from agent.article.parts import Article


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place between two of the author's top-level blocks. ``str(anchor)`` is its name, ``ordinal:digest8``.

    The name is that of the author's own text: it is the same in the original and in a draft or merged article
    that already holds regions.
    """

    ordinal: int
    """1-based number of the author's block before it; 0 at the start of the body."""
    digest: str
    """sha256 (hex) of that block's lines joined with ``\\n``, trailing blanks dropped."""
    line: int
    """Text would go before this line; one past the last line at the end of the file."""
    offset: int
    """The same place as an offset in bytes."""

    def __str__(self) -> str:
        return f"{self.ordinal}:{self.digest[:8]}"


def anchors(article: Article) -> tuple[Anchor, ...]:
    """All allowed places, in file order: never inside front matter, a fence, an HTML block or box, a list, a
    quote, a table, display mathematics, a paragraph or a region."""
    raise NotImplementedError


def find_anchor(article: Article, name: str) -> Anchor:
    """The anchor called ``ordinal:digest8``; where blocks were added or removed, the one after the nearest block
    of that digest. Raises RegionError when no such block is followed by an allowed place."""
    raise NotImplementedError


def anchor_after_line(article: Article, line: int) -> Anchor:
    """The first allowed place after the paragraph or structure that holds ``line`` (1-based).

    Raises RegionError when there is none (an unclosed fence runs to the end of the file)."""
    raise NotImplementedError
