"""The way of one article, from its source to a draft with a verdict."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from agent.article import read
from agent.checks.page import Work
from agent.measure import added, measure, meets
from agent.pipeline.assemble import END, Assembled, Section, assemble, index_section
from agent.pipeline.badges import with_badges
from agent.pipeline.bind import Binding, Bound, bind, folded
from agent.pipeline.brought import told_apart
from agent.pipeline.citations import work_text
from agent.pipeline.claims import overlaid
from agent.pipeline.closing import Unwritten, closing_summary, corrections, opening_map
from agent.pipeline.estimate import LAST_CALLS, calls_of_parts
from agent.pipeline.evidence import Evidence
from agent.pipeline.job import Job, Shared, extend
from agent.pipeline.judge import Judged, judge
from agent.pipeline.laboratory import gather_evidence
from agent.pipeline.packs import Pack, pack_chapter
from agent.pipeline.planner import Layout, divide, draw_outline, owners, read_source, spots_text, two_meanings
from agent.pipeline.records import Outline, Reading
from agent.pipeline.redo import redo_parts, with_edits
from agent.pipeline.seams import smooth
from agent.pipeline.tables import division_text, experiments_text, facts_text, reading_text, symbols_text
from agent.pipeline.together import together
from agent.pipeline.writer import Draft, Plan, deepen, write_pack
from agent.records import Finding, Measure, TargetResult

DRAFT_STATUS = "draft"


@dataclass(frozen=True)
class Outcome:
    """A finished run of one article: everything that is written down about it."""

    plan: Plan
    drafts: tuple[Draft, ...]
    sections: tuple[Section, ...]
    assembled: Assembled
    before: Measure
    after: Measure
    added: Measure
    targets: tuple[TargetResult, ...]
    judged: Judged
    rounds: int
    """Deepening rounds that were run."""
    bindings: tuple[Binding, ...] = ()
    unwritten: tuple[Unwritten, ...] = ()
    """Opening map or summary where they could not be written."""


async def expand_article(job: Job) -> Outcome:
    """Read, plan, gather evidence, write, deepen, close, judge. See the functions for the errors of each."""
    shared = job.start()
    reading = await _stage(job, "精读", read_source(job, shared))
    shared = extend(shared, reading=reading_text(reading))
    outline, remarks = await _stage(job, "提纲", draw_outline(job, shared))
    planned = with_outline(shared, reading, outline, Evidence())
    outline, evidence = await _stage(job, "见证与实验", gather_evidence(job, planned, outline))
    layout = await _stage(job, "分工", divide(job, with_outline(shared, reading, outline, evidence), outline))
    confirmed = await job.bibliography.confirm(layout.division.wanted)
    shared = with_works(shared, confirmed.works)
    shared = with_division(shared, reading, outline, evidence, layout)
    layout = replace(
        layout,
        findings=(*remarks, *two_meanings(reading, outline), *layout.findings, *not_cited(confirmed.refused)),
    )
    plan = Plan(reading, outline, layout, evidence, (*job.works, *confirmed.works))
    drafts = await write_all(job, shared, plan)
    drafts, rounds, ends = await finished_texts(job, shared, plan, drafts)
    drafts = told_apart(drafts, plan.evidence.states())
    closed = close(job, plan, drafts, ends)
    # Off the event loop: MathJax, where it is first asked here, would tie itself to the loop it is called from.
    return await asyncio.to_thread(finish, job, plan, drafts, closed, rounds)


def finish(job: Job, plan: Plan, drafts: Sequence[Draft], closed: Closed, rounds: int) -> Outcome:
    """Assemble, measure and judge."""
    source = job.material.article
    plan = replace(plan, evidence=total_evidence(plan, drafts))
    whole = assembled(job, closed.sections)
    before = measure(source)
    after = measure(read(whole.data, source.name))
    targets = meets(job.targets, before, after)
    job.tell("measure", f"{after.lines} 行，{after.formulas} 个公式")
    written = (
        b
        for id, text in raw_texts(plan, drafts).items()
        for b in bound(job, text, id, plan.evidence).bindings
    )
    bindings = (*written, *closed.bindings)
    judged = judge(job, plan, drafts, whole, targets, closed.unwritten, bindings)
    grown = added(before, after)
    return Outcome(
        plan, tuple(drafts), closed.sections, whole, before, after, grown, targets, judged, rounds,
        bindings, closed.unwritten,
    )  # fmt: skip


async def finished_texts(
    job: Job, shared: Shared, plan: Plan, drafts: list[Draft]
) -> tuple[list[Draft], int, Ends]:
    """The parts deepened, smoothed and redone, and map and summary beside them: these name which parts there are,
    which neither deepening nor smoothing changes. A part that is written again may be new, so that they wait for it;
    but what was found when the parts were first written is what they are told, or every redo would ask for them anew.
    """
    first = drafts
    if not job.redos:
        polished: Any
        polished, ends = await together(
            [polish(job, shared, plan, drafts), write_ends(job, shared, plan, drafts, first)]
        )
        return *polished, ends
    drafts, rounds = await polish(job, shared, plan, drafts)
    drafts = await redo_parts(job, shared, plan, drafts)
    return drafts, rounds, await write_ends(job, shared, plan, drafts, first)


async def polish(job: Job, shared: Shared, plan: Plan, drafts: list[Draft]) -> tuple[list[Draft], int]:
    """Deepen what is too short, then smooth the seams. The number is that of the rounds."""
    drafts, rounds = await deepen_until_met(job, shared, plan, drafts)
    return await _stage(job, "接缝", smooth(job, shared, plan, drafts)), rounds


def total_evidence(plan: Plan, drafts: Sequence[Draft]) -> Evidence:
    """All verdicts, those on displayed formulas over those on the outline's."""
    total = plan.evidence
    for draft in drafts:
        total = overlaid(total, draft.evidence)
    return total


async def write_all(job: Job, shared: Shared, plan: Plan) -> list[Draft]:
    """All packs side by side. A pack that fails is kept as unfinished; a service that fails stops the article,
    after the replies in flight are stored."""
    packs = [
        pack
        for chapter in plan.layout.division.sections
        for pack in pack_chapter(
            chapter, lines=job.config.loop.pack_lines, formulas=job.config.loop.pack_formulas
        )
    ]
    done = 0

    async def one(pack: Pack) -> Draft:
        nonlocal done
        draft = await write_pack(job, shared, plan, pack)
        done += 1
        job.tell("part", draft.problem or "、".join(p.title for p in pack.parts), done, len(packs))
        return draft

    calls = ceil(calls_of_parts(len(packs), job.config)) + LAST_CALLS
    job.tell("parts", "写作", 0, len(packs), calls=calls)
    return await together([one(p) for p in packs])


async def deepen_until_met(
    job: Job, shared: Shared, plan: Plan, drafts: list[Draft]
) -> tuple[list[Draft], int]:
    """Deepen where a sceptic would stop while a target is missed and rounds are left; never by padding."""
    refused: set[str] = set()
    for round in range(1, job.config.loop.rounds + 1):
        short = await asyncio.to_thread(shortfall, job, plan, drafts)
        open_ = [d for d in drafts if d.text and not d.problem and d.pack.name not in refused]
        if short <= 0 or not open_:
            return drafts, round - 1
        chosen = candidates(job, open_)[: max(1, ceil(short / 15))]
        each = min(40, max(10, ceil(short / len(chosen))))
        job.tell("stage", f"挖深第 {round} 轮：还差约 {short} 行，{len(chosen)} 处")
        results = await together([deepen(job, shared, plan, d, round=round, max_lines=each) for d in chosen])
        grown = {d.pack.name: d for d, _ in results}
        refused |= {d.pack.name for d, more in results if not more}
        drafts = [grown.get(d.pack.name, d) for d in drafts]
    return drafts, job.config.loop.rounds


def shortfall(job: Job, plan: Plan, drafts: Sequence[Draft]) -> int:
    """Lines missing to the targets, a missing formula counted as eight lines (its derivation, not itself)."""
    source = job.material.article
    before = measure(source)
    whole = assembled(job, sections_of(job, plan, told_apart(drafts, plan.evidence.states())))
    after = measure(read(whole.data, source.name))
    missing = {t.name: max(0, t.wanted - t.got) for t in meets(job.targets, before, after)}
    # The opening map and the summary are still to come; they take about 45 lines together.
    return max(missing.get("lines", 0) - 45, missing.get("formulas", 0) * 8)


def candidates(job: Job, drafts: Sequence[Draft]) -> list[Draft]:
    """Packs to deepen, those of the largest share of formulas first; a stable order."""
    share = {s.name: s.share_formulas for s in job.library.sections}
    return sorted(drafts, key=lambda d: (-share.get(d.pack.chapter, 0.0), d.pack.name))


@dataclass(frozen=True)
class Closed:
    """All sections of an article, with what its first and last one hold or lack."""

    sections: tuple[Section, ...]
    bindings: tuple[Binding, ...] = ()
    """Of opening map and summary."""
    unwritten: tuple[Unwritten, ...] = ()


Ends = tuple[Section | Unwritten, ...]
"""Opening map and summary; empty for an article of which no part could be written."""


async def write_ends(
    job: Job, shared: Shared, plan: Plan, drafts: Sequence[Draft], first: Sequence[Draft]
) -> Ends:
    """Opening map and summary, from what the parts are about, and what their writers and the laboratory found when
    they were first written."""
    if not any(d.texts for d in drafts):
        return ()
    words = total_evidence(plan, first).words()
    shared = extend(shared, facts=facts_text(plan.outline, owners(plan.layout.division), words))
    both: Sequence[Awaitable[Section | Unwritten]] = (
        opening_map(job, shared, plan, drafts),
        closing_summary(job, shared, plan, drafts, corrections(first)),
    )
    return tuple(await together(both))


def close(job: Job, plan: Plan, drafts: Sequence[Draft], written: Ends) -> Closed:
    """The sections of the article between opening map and summary."""
    body = sections_of(job, plan, drafts)
    if not written:
        return Closed(tuple(body))
    first, last = written
    ends = {
        s.id: bound(job, s.text, s.id, total_evidence(plan, drafts))
        for s in (first, last)
        if isinstance(s, Section)
    }
    whole = [
        replace(s, text=ends[s.id].text) if s.id in ends else s
        for s in (first, *body, last)
        if isinstance(s, Section)
    ]
    index = index_section(job.material.article, whole)
    return Closed(
        tuple(with_edits([*whole, index] if index else whole, job.edits)),
        tuple(b for bound in ends.values() for b in bound.bindings),
        tuple(s for s in (first, last) if isinstance(s, Unwritten)),
    )


def sections_of(job: Job, plan: Plan, drafts: Sequence[Draft]) -> list[Section]:
    """The written parts as sections, in division order."""
    raw = raw_texts(plan, drafts)
    evidence = total_evidence(plan, drafts)
    texts = {
        id: with_badges(bound(job, text, id, evidence).text, evidence.verdicts, job.slug)
        for id, text in raw.items()
    }
    made = []
    for part in plan.layout.division.parts:
        if part.id not in texts:
            continue
        spot = plan.layout.spots[part.id]
        template = job.library.section(part.section)
        chapter = template.title if template and spot.anchor is None else ""
        anchor = str(spot.anchor) if spot.anchor else END
        made.append(Section(part.id, part.title, texts[part.id], anchor, chapter, spot.mode == "inline"))
    return made


def bound(job: Job, text: str, id: str, evidence: Evidence) -> Bound:
    return bind(text, id, evidence.runs, job.slug, evidence.failures)


def raw_texts(plan: Plan, drafts: Sequence[Draft]) -> dict[str, str]:
    """Part → its text with placeholders; a part about an experiment ends with its code and output, folded."""
    texts = {id: text for d in drafts for id, text in d.texts.items()}
    for part in plan.layout.division.parts:
        run = plan.evidence.runs.get(part.experiment or "")
        if run is not None and part.id in texts:
            texts[part.id] = f"{texts[part.id].rstrip()}\n\n{folded(run)}"
    return texts


def assembled(job: Job, sections: Sequence[Section]) -> Assembled:
    source = job.material.article
    return assemble(source.data, source.name, sections, status=DRAFT_STATUS)


def with_works(shared: Shared, works: Sequence[Work]) -> Shared:
    """The table of works that may be cited, longer by those a service confirmed."""
    rows = [r for r in (shared.citations, *map(work_text, works)) if r]
    return extend(shared, citations="\n".join(rows))


def not_cited(refused: Sequence[str]) -> tuple[Finding, ...]:
    return tuple(Finding("citations", "wanted", "info", f"想引而没有引：{text}") for text in refused)


def with_outline(shared: Shared, reading: Reading, outline: Outline, evidence: Evidence) -> Shared:
    return extend(
        shared,
        symbols=symbols_text(reading, outline),
        facts=facts_text(outline, {}, evidence.words()),
        experiments=experiments_text(outline, evidence.states()),
    )


def with_division(
    shared: Shared, reading: Reading, outline: Outline, evidence: Evidence, layout: Layout
) -> Shared:
    return extend(
        with_outline(shared, reading, outline, evidence),
        facts=facts_text(outline, owners(layout.division), evidence.words()),
        parts_table=division_text(outline, layout.division, spots_text(layout)),
        citations=shared.citations or "（无）",
    )


async def _stage(job: Job, name: str, work):  # type: ignore[no-untyped-def]
    job.tell("stage", name)
    return await work


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
