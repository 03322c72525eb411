"""Regions of a merged article that a person edited by hand: noticed by comparing with what was merged, and kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.article import anchors, read, regions
from agent.pipeline.assemble import END, Section
from agent.workspace import State

TAG = re.compile(r" ?\\tag\{E\d+\}")
HEADS = re.compile(r"(?:## (?P<chapter>[^\n]*)\n+)?(?:### (?P<title>[^\n]*)(?:\n+|\Z))?")


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


def by_hand(data: bytes, merged: Mapping[str, Any]) -> ByHand:
    """What differs in the regions of ``data`` from what was merged (data of the merge that stands), and what was
    kept as edited by hand in that merge already."""
    was, always = merged.get("regions", {}), merged.get("by_hand", ())
    present = {r.id: r.text for r in regions(data)}
    edited = {id: text for id, text in present.items() if digest(text) != was.get(id) or id in always}
    gone = dict.fromkeys([*was, *merged.get("removed", ())])
    return ByHand(edited, tuple(id for id in gone if id not in present))


def unless(hand: ByHand, state: State, taken: Sequence[Section], overwrite: frozenset[str]) -> ByHand:
    """Without what the person wants replaced: named with ``--overwrite``, or sent back as it stands here, written
    again and accepted."""
    ids = {s.id for s in taken}
    redone = {id for id, text in hand.edited.items() if id in ids and state.seen.get(id) == digest(text)}
    drop = overwrite | redone
    return ByHand(
        {id: text for id, text in hand.edited.items() if id not in drop},
        tuple(id for id in hand.removed if id not in overwrite),
    )


def as_section(id: str, text: str, like: Section | None, data: bytes) -> Section:
    """The section that assembles to this region text: generated headings and tags taken off, its own labels bare."""
    like = like or Section(id, "", "", anchor=_anchor(id, data))
    title, chapter, body = like.title, like.chapter, text
    head = HEADS.match(text)
    if head is not None and not like.inline:
        title, chapter, body = head["title"] or "", head["chapter"] or chapter, text[head.end() :]
    bare = re.sub(rf"\\(label|eqref|ref)\s*\{{{re.escape(id)}:", r"\\\1{", TAG.sub("", body))
    return replace(like, title=title, chapter=chapter, text=bare.strip("\n"))


def _anchor(id: str, data: bytes) -> str:
    """The place of a region that no section of the draft knows."""
    region = next(r for r in regions(data) if r.id == id)
    if region.was:
        return END
    places = anchors(read(data, "article"))
    return str(next((a for a in places if a.offset >= region.stop), places[-1]))


def kept(
    sections: Sequence[Section], taken: Sequence[Section], undecided: Sequence[str], hand: ByHand, data: bytes
) -> list[Section]:
    """What the article holds after a merge: the sections taken; over them what a person edited in the article; what
    was merged before and is undecided now, as it stands. What a person removed stays out."""
    chosen = {s.id: s for s in taken if s.id not in hand.removed}
    known = {s.id: s for s in sections}
    for region in regions(data):
        if region.id in hand.edited or (region.id in undecided and region.id not in chosen):
            chosen[region.id] = as_section(region.id, region.text, known.get(region.id), data)
    order = [*(s.id for s in sections), *chosen]
    return [chosen[id] for id in dict.fromkeys(order) if id in chosen]
