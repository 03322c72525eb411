"""Opening map and closing summary: written last, from the finished parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.article import anchor_after_line
from agent.errors import BadReply, ContextOverflow, ExpandError, NotRecorded, NotRun, RegionError
from agent.llm import Answer
from agent.pipeline.assemble import END, Section
from agent.pipeline.bind import cited
from agent.pipeline.job import Job, Shared
from agent.pipeline.packs import Written, parse_parts
from agent.pipeline.planner import spots_text
from agent.pipeline.writer import Draft, Plan

MAP = "map"
SUMMARY = "summary"
UNCHANGED = "不改"
"""How a note begins that says why a line was left as it is; it corrects nothing."""


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A closing section that could not be written; the article then falls short."""

    id: str
    title: str
    reason: str


async def opening_map(job: Job, shared: Shared, plan: Plan, drafts: Sequence[Draft]) -> Section | Unwritten:
    """A reader's map after the introduction."""
    anchor = _after_introduction(job)
    if anchor is None:
        return Unwritten(MAP, "扩充导读", "原文里没有可以插入它的地方")
    try:
        answer = await _write(
            job, shared, "opening_map", MAP, thesis=plan.reading.thesis, headings=_headings(plan, drafts)
        )
        text = _rests_on_runs(answer, plan)
    except (BadReply, NotRecorded, ContextOverflow, NotRun) as error:
        return _unwritten(job, MAP, "扩充导读", error)
    # Bold, not a heading: it stands before the author's first section and is no section of his outline.
    return Section(MAP, "扩充导读", f"**扩充导读**\n\n{text}", anchor, inline=True)


def corrections(drafts: Sequence[Draft]) -> str:
    """What writers told the editor of claims they made smaller and formulas that came out otherwise."""
    said = ((d.pack.name, note) for d in drafts if d.text for note in d.notes)
    return "\n".join(f"{name}：{note}" for name, note in said if not note.startswith(UNCHANGED))


async def closing_summary(
    job: Job, shared: Shared, plan: Plan, drafts: Sequence[Draft], corrections: str
) -> Section | Unwritten:
    """What the author's claims stand on now."""
    written = {id for d in drafts for id in d.texts}
    claims = "\n".join(
        f"{p.id} {p.title}：{'；'.join(p.claims) or p.purpose}"
        for p in plan.layout.division.parts
        if p.id in written
    )
    results = (
        "\n".join(f"{r.id}\n{r.prompt.numbers}" for r in plan.evidence.runs.values())
        or "（没有运行过的实验）"
    )
    try:
        answer = await _write(
            job,
            shared,
            "summary",
            SUMMARY,
            thesis=plan.reading.thesis,
            claims=claims,
            corrections=corrections,
            results=results,
        )
        text = _rests_on_runs(answer, plan)
    except (BadReply, NotRecorded, ContextOverflow, NotRun) as error:
        return _unwritten(job, SUMMARY, "扩充小结", error)
    return Section(SUMMARY, "", text, END, chapter="扩充小结")


def _unwritten(job: Job, id: str, title: str, error: ExpandError) -> Unwritten:
    """A section that a person sent back must be written: its old text stands where this one fails."""
    if id in job.redos:
        raise error
    job.tell("note", f"{id}：{error}")
    return Unwritten(id, title, str(error))


def _rests_on_runs(answer: Answer[Written], plan: Plan) -> str:
    """The text of an answer. Raises NotRun for one that tells of experiments which did not run: by citing their
    outputs, or because it was recorded where they ran."""
    text = answer.value.text
    absent = [e.id for e in plan.outline.experiments if e.id not in plan.evidence.runs]
    told = cited(text, absent) or tuple(id for id in absent if answer.changed and id in text)
    if told:
        plan.evidence.ran(told[0])
    return text


async def _write(job: Job, shared: Shared, template: str, id: str, **values: str) -> Answer[Written]:
    redo = job.redos.get(id)
    if redo is not None:
        job = replace(job, client=job.live or job.client)
        values |= {"note": redo.note, "old": redo.old}
    name = f"{id}/rewrite.{redo.number}" if redo else f"{id}/write"
    return await job.ask(name, template, shared, lambda r: parse_parts(r, [id]), **values)


def _headings(plan: Plan, drafts: Sequence[Draft]) -> str:
    written = {id for d in drafts for id in d.texts}
    spots = spots_text(plan.layout)
    rows = []
    for part in plan.layout.division.parts:
        if part.id in written:
            rows.append(f"{part.id} {part.title}｜{spots[part.id]}｜{'、'.join(part.formulas) or '—'}")
    return "\n".join(rows)


def _after_introduction(job: Job) -> str | None:
    """The place before the first h2; without one, after the first paragraph."""
    article = job.material.article
    first = job.material.first_heading
    if first is not None:
        line = first - 1
        while line > 1 and not article.lines[line - 1].strip():
            line -= 1
    else:
        line = next((b.last for b in article.blocks if b.kind == "paragraph"), 1)
    try:
        return str(anchor_after_line(article, line))
    except RegionError:
        return None
