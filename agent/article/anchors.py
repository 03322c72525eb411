"""Where a region may stand (REGIONS.md, *anchors*)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from agent.article import grammar
from agent.article.lines import Lines
from agent.article.parts import Article, Block
from agent.article.text import read
from agent.errors import RegionError

_NAME = re.compile(r"(\d{1,9}):([0-9a-f]{8,64})")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place between two of the author's top-level blocks. ``str(anchor)`` is its name, ``ordinal:digest8``.

    The name is that of the author's own text: it is the same in the original and in a draft or merged article
    that already holds regions.
    """

    ordinal: int
    """1-based number of the author's block before it; 0 at the start of the body."""
    digest: str
    """sha256 (hex) of that block's lines joined with ``\\n``, trailing blanks dropped; of nothing for
    ordinal 0."""
    line: int
    """Text would go before this line; one past the last line at the end of the file."""
    offset: int
    """The same place as an offset in bytes."""

    def __str__(self) -> str:
        return f"{self.ordinal}:{self.digest[:8]}"


def anchors(article: Article) -> tuple[Anchor, ...]:
    """All allowed places, in file order: never inside front matter, a fence, an HTML block or box, a list, a
    quote, a table, display mathematics, a paragraph or a region.

    Raises RegionError where markers cannot be read."""
    edits = grammar.edits(article.data)
    if not edits:
        return _own(article)
    original = _own(read(grammar.edited(article.data, edits), article.name))
    return tuple(_moved(anchor, article.data, edits) for anchor in original)


def _own(article: Article) -> tuple[Anchor, ...]:
    """Anchors of a text without regions."""
    starts = _line_starts(article.data)
    lines = Lines(article.text)
    body = grammar.body_start(article.data)
    found = []
    for ordinal, (before, after) in enumerate(_pairs(article.blocks)):
        if after is None:
            if before is None or not before.open:
                line = len(article.lines) + 1
                found.append(Anchor(ordinal, _digest(before), line, len(article.data)))
        elif before is None or lines.is_blank(after.first - 1):
            offset = max(starts[after.first - 1], body)
            found.append(Anchor(ordinal, _digest(before), after.first, offset))
    return tuple(found)


def _pairs(blocks: Sequence[Block]) -> list[tuple[Block | None, Block | None]]:
    return list(zip([None, *blocks], [*blocks, None], strict=True))


def _digest(block: Block | None) -> str:
    return sha256(block.text.rstrip().encode() if block else b"").hexdigest()


def _line_starts(data: bytes) -> list[int]:
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _moved(anchor: Anchor, data: bytes, edits: list[grammar.Edit]) -> Anchor:
    """An anchor of the stripped text, where it stands in ``data``: after the regions that stand there
    already."""
    shift = 0  # stripped offset + shift = offset in data
    for edit in edits:
        begin = edit.start - shift
        end = begin + len(edit.replacement)
        if end > anchor.offset:
            if begin < anchor.offset:  # inside what a region stands in for
                shift = edit.stop - anchor.offset
            break
        shift = edit.stop - end
    offset = anchor.offset + shift
    line = data.count(b"\n", 0, offset) + 1
    if offset == len(data) and offset and not data.endswith(b"\n"):
        line += 1
    return Anchor(anchor.ordinal, anchor.digest, line, offset)


def find_anchor(article: Article, name: str) -> Anchor:
    """The anchor called ``ordinal:digest8``; where blocks were added or removed, the one after the
    nearest block of that digest. Raises RegionError when no such block is followed by an allowed
    place."""
    return nearest(anchors(article), name)


def nearest(places: Sequence[Anchor], name: str) -> Anchor:
    """As ``find_anchor``, among ``places``."""
    parsed = _NAME.fullmatch(name)
    if parsed is None:
        raise RegionError(
            f"not an anchor: {name!r}", hint="an anchor is written ordinal:digest, such as 12:0f3a9c71"
        )
    ordinal = int(parsed[1])
    same = [anchor for anchor in places if anchor.digest.startswith(parsed[2])]
    if not same:
        raise RegionError(
            f"no place for anchor {name}: the block before it was changed or is gone",
            hint="run the article again, so that its parts are given new places",
        )
    return min(same, key=lambda anchor: (abs(anchor.ordinal - ordinal), anchor.ordinal))


def anchor_after_line(article: Article, line: int) -> Anchor:
    """The first allowed place after the paragraph or structure that holds ``line`` (1-based).

    Raises RegionError when there is none (an unclosed fence runs to the end of the file)."""
    for anchor in anchors(article):
        if anchor.line > line:
            return anchor
    raise RegionError(
        f"{article.name}: line {line}: nothing can be inserted after it",
        line=line,
        hint="close the fence, comment or HTML element that runs to the end of the file",
    )
