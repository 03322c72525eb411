"""The author went on writing while the draft waited: finding each section's place in his present text.

A region stands after a block of the author's. Where that block is still there, unchanged, the region goes after it,
whatever else was edited; where it was changed or removed, nobody but a person can say where the region belongs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from hashlib import sha256

from agent.article import Article, anchors, find_anchor, read, stub_lines
from agent.errors import SourceChanged
from agent.pipeline.assemble import END, Section, takes_stub


def rebase(sections: Sequence[Section], base: bytes, now: bytes, file: str) -> list[Section]:
    """The sections with anchors of the present text.

    base: the author's bytes the draft was made from; now: his present bytes. Raises SourceChanged, with every
    conflict, where a block that a section stands after, or a stub it stands in for, was changed.
    """
    old, new = read(base, file), read(now, file)
    moved = _matched(old, new)
    places = {a.ordinal: a for a in anchors(new)}
    done: list[Section] = []
    conflicts: list[str] = []
    for section in sections:
        if section.anchor == END:
            done.append(section)
            continue
        before = find_anchor(old, section.anchor).ordinal
        place = places.get(moved.get(before, -1))
        if place is None:
            conflicts.append(_conflict(file, old, before, section.id))
        else:
            done.append(replace(section, anchor=str(place)))
    conflicts += _stub_conflict(file, old, new, sections)
    if conflicts:
        raise SourceChanged(
            f"{file} was changed where the draft stands:\n" + "\n".join(conflicts),
            hint="bring these lines back, leave those sections out, or expand the article anew: expand run SLUG",
        )
    return done


def _matched(old: Article, new: Article) -> dict[int, int]:
    """Ordinal of an old block → ordinal of the same block in the new text; 0 is the start of the body."""
    a, b = ([sha256(x.text.rstrip().encode()).digest() for x in article.blocks] for article in (old, new))
    found = {0: 0}
    for start, other, size in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        found |= {start + n + 1: other + n + 1 for n in range(size)}
    return found


def _conflict(file: str, old: Article, ordinal: int, id: str) -> str:
    block = old.blocks[ordinal - 1] if ordinal else None
    text = " ".join(block.text.split())[:50] if block else ""
    line = block.first if block else 1
    return f"  {id} stands after line {line} of the text it was made from, “{text}…”, which was changed or is gone"


def _stub_conflict(file: str, old: Article, new: Article, sections: Sequence[Section]) -> list[str]:
    taker = takes_stub(old, sections)
    before, after = stub_lines(old), stub_lines(new)
    if taker is None or before is None:
        return []
    if after is not None and _rows(old, before) == _rows(new, after):
        return []
    return [f"  {taker.id} stands in for the TODO at line {before[0]}, which was changed or is gone"]


def _rows(article: Article, span: tuple[int, int]) -> tuple[str, ...]:
    return article.lines[span[0] - 1 : span[1]]
