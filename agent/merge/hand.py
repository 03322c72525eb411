"""Regions of a merged article that a person edited by hand: noticed by comparing with what was merged, and kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.article import anchors, read, regions
from agent.pipeline.assemble import END, Section

TAG = re.compile(r" ?\\tag\{E\d+\}")
HEADS = re.compile(r"(?:## [^\n]*\n+)?(?:### (?P<title>[^\n]*)(?:\n+|\Z))?")


@dataclass(frozen=True, slots=True)
class ByHand:
    edited: Mapping[str, str]
    """Region → its text as it stands in the article."""
    removed: tuple[str, ...]
    """Regions that were merged and are gone."""


def digest(text: str) -> str:
    """Of a region's text, generated tags left out: they change when a section before it does."""
    return hashlib.sha256(TAG.sub("", text).encode("utf-8")).hexdigest()


def digests(data: bytes) -> dict[str, str]:
    """Region → digest, of every region of an article."""
    return {r.id: digest(r.text) for r in regions(data)}


def by_hand(data: bytes, merged: Mapping[str, str]) -> ByHand:
    """What differs in the regions of ``data`` from what was merged (region → digest)."""
    present = {r.id: r.text for r in regions(data)}
    edited = {id: text for id, text in present.items() if digest(text) != merged.get(id)}
    return ByHand(edited, tuple(id for id in merged if id not in present))


def as_section(id: str, text: str, like: Section | None, data: bytes) -> Section:
    """The section that assembles to this region text: generated headings and tags taken off, its own labels bare."""
    like = like or Section(id, "", "", anchor=_anchor(id, data))
    title, body = like.title, text
    if not like.inline:
        head = HEADS.match(text)
        if head is not None and head[0]:
            title, body = head["title"] or "", text[head.end() :]
    bare = re.sub(rf"\\(label|eqref|ref)\{{{re.escape(id)}:", r"\\\1{", TAG.sub("", body))
    return replace(like, title=title, text=bare.strip("\n"))


def _anchor(id: str, data: bytes) -> str:
    """The place of a region that no section of the draft knows."""
    region = next(r for r in regions(data) if r.id == id)
    if region.was:
        return END
    places = anchors(read(data, "article"))
    return str(next((a for a in places if a.offset >= region.stop), places[-1]))


def kept(sections: Sequence[Section], hand: ByHand, data: bytes) -> list[Section]:
    """Sections with the texts a person left in the article; those he removed stay out."""
    known = {s.id: s for s in sections}
    own = {id: as_section(id, text, known.get(id), data) for id, text in hand.edited.items()}
    inside = [own.pop(s.id, s) for s in sections if s.id not in hand.removed]
    return [*inside, *own.values()]
