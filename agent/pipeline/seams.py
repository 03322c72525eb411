"""Smoothing: where two parts that were written apart stand next to each other, someone reads the seam.

Even seams first, then odd ones, so that two readers never edit one part at the same time (the two-pass scheme of
AutoSurvey, Wang et al. 2024).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.article import read
from agent.article.tex import LABEL
from agent.errors import BadReply, ContextOverflow, Malformed, NotRecorded
from agent.pipeline.bind import CODE
from agent.pipeline.edits import Edits, apply, numbered, parse_edits
from agent.pipeline.job import Job, Shared
from agent.pipeline.packs import join, vet
from agent.pipeline.records import Part
from agent.pipeline.together import together
from agent.pipeline.writer import Draft, Plan

REACH = 14
"""Lines of each side that a reader of the seam is shown."""
MARKED = re.compile(r"\{\{[^}]*\}\}")


@dataclass(frozen=True, slots=True)
class Side:
    id: str
    title: str
    text: str
    """The lines shown, with their numbers."""


def seams(plan: Plan, drafts: Sequence[Draft]) -> list[tuple[Part, Part]]:
    """Pairs of parts that stand next to each other on the page and were not written in one call."""
    pack_of = {p.id: d.pack.name for d in drafts if d.text for p in d.pack.parts}
    pairs = []
    for chapter in plan.layout.division.sections:
        for left, right in zip(chapter.parts, chapter.parts[1:], strict=False):
            a, b = plan.layout.spots[left.id], plan.layout.spots[right.id]
            adjacent = a.mode == b.mode != "inline" and a.anchor == b.anchor
            if (
                adjacent
                and pack_of.get(left.id) != pack_of.get(right.id)
                and {left.id, right.id} <= pack_of.keys()
            ):
                pairs.append((left, right))
    return pairs


async def smooth(job: Job, shared: Shared, plan: Plan, drafts: list[Draft]) -> list[Draft]:
    """Read every seam and mend it; a seam that cannot be read stays as it is. An odd seam waits for the two beside
    it, not for all."""
    pairs = seams(plan, drafts)
    texts = part_texts(drafts)
    even = {n: asyncio.ensure_future(mend(job, shared, texts, *pairs[n])) for n in range(0, len(pairs), 2)}

    async def odd(n: int) -> dict[str, str]:
        beside = [await even[m] for m in (n - 1, n + 1) if m in even]
        changed = {id: text for result in beside for id, text in result.items()}
        return await mend(job, shared, part_texts([with_texts(d, changed) for d in drafts]), *pairs[n])

    results = await together([*even.values(), *(odd(n) for n in range(1, len(pairs), 2))])
    for part in (results[: len(even)], results[len(even) :]):
        changed = {id: text for result in part for id, text in result.items()}
        drafts = [with_texts(d, changed) for d in drafts]
    return drafts


def part_texts(drafts: Sequence[Draft]) -> dict[str, str]:
    return {id: text for d in drafts for id, text in d.texts.items()}


async def mend(job: Job, shared: Shared, texts: Mapping[str, str], left: Part, right: Part) -> dict[str, str]:
    """The changed texts of the two parts at one seam."""
    above, below = texts[left.id].split("\n"), texts[right.id].split("\n")
    before, tail, head, after = above[:-REACH], above[-REACH:], below[:REACH], below[REACH:]
    shown = numbered("\n".join([*tail, *head])).split("\n")
    try:
        answer = await job.ask(
            f"{left.id}+{right.id}/smooth",
            "smooth",
            shared,
            lambda reply: edit_seam(reply, tail, head, before, after),
            left=Side(left.id, left.title, "\n".join(shown[: len(tail)])),
            right=Side(right.id, right.title, "\n".join(shown[len(tail) :])),
        )
    except (BadReply, NotRecorded, ContextOverflow) as error:
        job.tell("note", f"{left.id}、{right.id} 的接缝没有看成：{error}")
        return {}
    new_tail, new_head = answer.value
    return {
        left.id: "\n".join([*before, *new_tail]),
        right.id: "\n".join([*new_head, *after]),
    }


def edit_seam(
    reply: str,
    tail: Sequence[str],
    head: Sequence[str],
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> tuple[list[str], list[str]]:
    """Both sides after a reply. Raises Malformed for an edit across the seam or one that touches what is fixed.

    before, after: the lines of the two parts that the reader of the seam is not shown; a display may begin or end there.
    """
    whole = "\n".join([*tail, *head])
    edits = parse_edits(reply, whole)
    cut = len(tail)
    if any(e.last is not None and e.first <= cut < e.last for e in edits.edits):
        raise Malformed("一处改动不能跨过接缝")
    left = apply("\n".join(tail), _side(edits, 1, cut))
    right = apply("\n".join(head), _side(edits, cut + 1, cut + len(head)))
    if not left.strip() or not right.strip():
        raise Malformed("不能删空一边")
    for old, new in (([*before, *tail], [*before, left]), ([*head, *after], [right, *after])):
        if fixed("\n".join(old)) != fixed("\n".join(new)):
            raise Malformed("公式、代码、标签和占位符不能动")
        vet("\n".join(new))
    return left.split("\n"), right.split("\n")


def fixed(text: str) -> list[str]:
    """What smoothing may not touch, in order: displays, code, labels, bound values."""
    spans = [s for s in read(text.encode("utf-8"), "part").spans if s.kind in ("display", *CODE)]
    found = [(s.start, text[s.start : s.stop]) for s in spans]
    found += [(m.start(), m[0]) for pattern in (LABEL, MARKED) for m in pattern.finditer(text)]
    return [piece for _, piece in sorted(found)]


def _side(edits: Edits, first: int, last: int) -> Edits:
    """The edits of one side, by its own line numbers. An insertion right at the seam belongs to the left."""
    shift = first - 1
    own = [
        e for e in edits.edits if first <= e.first <= last or (e.last is None and e.first == 0 and first == 1)
    ]
    return Edits(
        tuple(
            replace(e, first=e.first - shift, last=None if e.last is None else e.last - shift) for e in own
        ),
        tuple(replace(s, line=s.line - shift) for s in edits.swaps if first <= s.line <= last),
    )


def with_texts(draft: Draft, changed: Mapping[str, str]) -> Draft:
    texts = draft.texts
    if not changed.keys() & texts.keys():
        return draft
    return replace(draft, text=join([(id, changed.get(id, text)) for id, text in texts.items()]))
