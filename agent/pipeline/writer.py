"""One pack of parts: write → check → referee → repair, and later deepen.

A pack that cannot be written is kept as unfinished with the reason, so that the rest of the article goes on
and a person sees what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent.checks.page import Work
from agent.errors import BadReply, ContextOverflow, NotRecorded, NotRun
from agent.llm import json_parser
from agent.pipeline.claims import overlaid, restricted, witness_claims
from agent.pipeline.edits import Edits, apply, numbered, parse_edits
from agent.pipeline.evidence import Evidence, Run
from agent.pipeline.inspect import inspect
from agent.pipeline.job import Job, Shared
from agent.pipeline.laboratory import run_brought
from agent.pipeline.packs import Pack, parse_parts, split, vet
from agent.pipeline.planner import Layout
from agent.pipeline.records import Outline, Part, Reading, Referee, build
from agent.pipeline.tables import fact_text
from agent.records import Finding


@dataclass(frozen=True, slots=True)
class Draft:
    """What became of a pack."""

    pack: Pack
    text: str = ""
    """Joined text of its parts; empty where nothing could be written."""
    notes: tuple[str, ...] = ()
    """What the writer said to the editor."""
    findings: tuple[Finding, ...] = ()
    """What is left, by line of ``text``."""
    problem: str = ""
    """Why it is unfinished; empty when it is not."""
    rederived: int = 0
    """Formulas the referee says it worked through."""
    evidence: Evidence = field(default_factory=Evidence)
    """Verdicts on its formulas as they are displayed."""

    @property
    def texts(self) -> dict[str, str]:
        """Part → its text."""
        return split(self.text, [p.id for p in self.pack.parts]) if self.text else {}


@dataclass(frozen=True)
class Plan:
    """What writers rely on besides the shared start of the prompts."""

    reading: Reading
    outline: Outline
    layout: Layout
    evidence: Evidence
    works: tuple[Work, ...] = ()
    """Works that are confirmed."""


async def write_pack(job: Job, shared: Shared, plan: Plan, pack: Pack) -> Draft:
    """Write a pack, have it checked and read, and repair it."""
    try:
        draft = await _first(job, shared, plan, pack)
    except (BadReply, NotRecorded, ContextOverflow, NotRun) as error:
        return Draft(pack, problem=str(error))
    return await improve(job, shared, plan, draft, referee=job.config.loop.referee, tag="")


async def rewrite_pack(job: Job, shared: Shared, plan: Plan, pack: Pack, number: int) -> Draft:
    """Write a part again with a person's note and the old text (``job.notes``, ``job.old``). Raises BadReply,
    ContextOverflow, NotRecorded or NotRun when there is no new text."""
    tag = f"rewrite.{number}"
    draft = await _first(job, shared, plan, pack, name=tag)
    return await improve(job, shared, plan, draft, referee=job.config.loop.referee, tag=f"{tag}/")


async def improve(job: Job, shared: Shared, plan: Plan, draft: Draft, *, referee: bool, tag: str) -> Draft:
    """Check, have it refereed once, repair at most ``repairs`` times. ``tag`` tells later passes apart."""
    try:
        draft = await _ran(job, plan, draft)
        draft = await _witnessed(job, shared, plan, draft, ask=f"{tag}witness")
        remarks: Sequence[Finding] = ()
        if referee:
            remarks, count = await _referee(job, shared, plan, draft, tag)
            draft = replace(draft, rederived=count)
        for n in range(1, job.config.loop.repairs + 1):
            found = [*await _inspected(job, plan, draft), *remarks]
            # A warning is worth one call; a writer who let it stand has said why.
            if not any(f.severity == "error" or (f.severity == "warning" and n == 1) for f in found):
                break
            draft, remarks = await _repair(job, shared, plan, draft, found, f"{tag}repair.{n}"), ()
    except (BadReply, NotRecorded, ContextOverflow) as error:
        draft = replace(draft, notes=(*draft.notes, f"修改没有完成：{error}"))
    return replace(draft, findings=tuple(await _inspected(job, plan, draft)))


async def _inspected(job: Job, plan: Plan, draft: Draft) -> list[Finding]:
    return await asyncio.to_thread(inspect, job, plan, draft.pack, draft.text, draft.evidence)


async def _ran(job: Job, plan: Plan, draft: Draft) -> Draft:
    """Run the programs a part brings along itself, so that what it cites of them can be bound."""
    brought = await run_brought(job, draft.text, {*plan.evidence.runs, *plan.evidence.failures})
    kept = replace(draft.evidence, runs=brought.runs, failures=brought.failures)
    return replace(draft, evidence=kept)


async def _witnessed(job: Job, shared: Shared, plan: Plan, draft: Draft, *, ask: str = "") -> Draft:
    """Run the witnesses of a pack's formulas as it displays them. ``ask``: have new ones written where the template
    wants them, in calls of this name."""
    template = job.library.section(draft.pack.chapter)
    owned = restricted(plan.evidence, [x for p in draft.pack.parts for x in p.formulas])
    evidence = overlaid(owned, draft.evidence)
    asked = bool(ask) and template is not None and template.witness
    found = await witness_claims(job, shared, f"{draft.pack.name}/{ask}", draft.text, evidence, asked)
    return replace(draft, evidence=found)


async def deepen(
    job: Job, shared: Shared, plan: Plan, draft: Draft, *, round: int, max_lines: int
) -> tuple[Draft, bool]:
    """Ask where a sceptic would stop and add exactly that. False: the writer found nothing to add."""
    values = part_values(job, plan, draft.pack)
    try:
        answer = await job.ask(
            f"{draft.pack.name}/deepen.{round}",
            "deepen",
            shared,
            lambda reply: edited(reply, draft),
            text=numbered(draft.text),
            max_lines=max_lines,
            **values,
        )
    except (BadReply, NotRecorded, ContextOverflow) as error:
        return replace(draft, notes=(*draft.notes, f"没有挖深：{error}")), False
    edits, text = answer.value
    notes = (*draft.notes, *edits.notes, *((f"不再挖深：{edits.none}",) if edits.none else ()))
    if edits.empty:
        return replace(draft, notes=notes), False
    grown = replace(draft, text=text, notes=notes)
    return await improve(job, shared, plan, grown, referee=False, tag=f"deepen.{round}/"), True


async def _first(job: Job, shared: Shared, plan: Plan, pack: Pack, *, name: str = "write") -> Draft:
    ids = [p.id for p in pack.parts]
    values = part_values(job, plan, pack)
    name = f"{pack.name}/{name}"
    experiment = pack.parts[0].experiment
    if experiment:
        # Never written from anything but the outputs: a recording would hand out the discussion of another run.
        run = plan.evidence.ran(experiment)
        spec = next(e for e in plan.outline.experiments if e.id == experiment)
        answer = await job.ask(
            name,
            "experiment_discussion",
            shared,
            lambda r: parse_parts(r, ids),
            **seen(job, [run]),
            experiment=spec,
            run=run.prompt,
            **values,
        )
    else:
        answer = await job.ask(
            name, f"sections/{pack.chapter}", shared, lambda r: parse_parts(r, ids), **values
        )
    return Draft(pack, answer.value.text, answer.value.notes)


async def _referee(
    job: Job, shared: Shared, plan: Plan, draft: Draft, tag: str
) -> tuple[tuple[Finding, ...], int]:
    schema = job.library.schema("referee")
    assert schema is not None
    total = len(draft.text.split("\n"))
    evidence = overlaid(plan.evidence, draft.evidence)
    answer = await job.ask(
        f"{draft.pack.name}/{tag}referee",
        "referee",
        shared,
        json_parser(schema, lambda raw: build(Referee, raw)),
        text=numbered(draft.text),
        **seen(job, evidence.behind(draft.pack.parts)),
        evidence=evidence.record(draft.pack.parts, draft.evidence.verdicts),
        **part_values(job, plan, draft.pack),
    )
    remarks = tuple(
        Finding("structure", "referee", "error" if r.severity == "error" else "warning", f"审稿（{r.kind}）{r.reason}", r.line)
        for r in answer.value.findings
        if 0 < r.line <= total
    )  # fmt: skip
    return remarks, len(answer.value.rederived)


async def _repair(
    job: Job, shared: Shared, plan: Plan, draft: Draft, found: Sequence[Finding], name: str
) -> Draft:
    answer = await job.ask(
        f"{draft.pack.name}/{name}",
        "repair",
        shared,
        lambda reply: edited(reply, draft),
        text=numbered(draft.text),
        findings=findings_text(found),
        witnesses=draft.evidence.refuted_sources(),
        **part_values(job, plan, draft.pack),
    )
    edits, text = answer.value
    mended = {
        label: witness_code(code) for label, code in edits.witnesses if label in draft.evidence.witnesses
    }
    evidence = replace(draft.evidence, witnesses={**draft.evidence.witnesses, **mended})
    repaired = replace(draft, text=text, notes=(*draft.notes, *edits.notes), evidence=evidence)
    repaired = await _ran(job, plan, repaired)
    return await _witnessed(job, shared, plan, repaired)


def seen(job: Job, runs: Sequence[Run]) -> dict[str, Any]:
    """The figures that go with a prompt, and their names for its text; none for models that cannot see."""
    shown = [run for run in runs if job.config.model.figures]
    return {
        "images": [uri for run in shown for uri in run.images],
        "figures": [f"{run.id} 的 {name}" for run in shown for name in run.figures],
    }


def edited(reply: str, draft: Draft) -> tuple[Edits, str]:
    """Parse a reply of edits and make them; the result must still be a text of the same parts."""
    edits = parse_edits(reply, draft.text)
    text = apply(draft.text, edits)
    vet(text)
    split(text, [p.id for p in draft.pack.parts])
    return edits, text


def witness_code(block: str) -> str:
    """A witness handed in with an edit, without its fence."""
    lines = [line for line in block.split("\n") if not line.startswith("```")]
    return "\n".join(lines).strip("\n")


def findings_text(found: Sequence[Finding]) -> str:
    level = {"error": "错误", "warning": "警告", "info": "提示"}
    rows = (
        f"- 第 {f.line} 行 {level[f.severity]}：{f.message}"
        for f in sorted(found, key=lambda f: (f.line, f.message))
    )
    return "\n".join(rows)


def part_values(job: Job, plan: Plan, pack: Pack) -> dict[str, Any]:
    """Variables of `_part.md` for the parts of a pack."""
    template = job.library.section(pack.chapter)
    return {
        "chapter": template.title if template else pack.chapter,
        "parts": [_part_values(job, plan, p) for p in pack.parts],
    }


def _part_values(job: Job, plan: Plan, part: Part) -> dict[str, Any]:
    spot = plan.layout.spots[part.id]
    before, after = job.material.around(spot.anchor) if spot.anchor else ("", "")
    fills = {s.id: f"{s.id}（{s.line} 行）{s.gap}｜{s.bridge}" for s in plan.reading.skipped}
    fills |= {s.id: f"{s.id}（{s.line} 行，原文疑误）{s.problem}｜{s.evidence}" for s in plan.reading.slips}
    asks = {q.id: f"{q.id} {q.ask}" for q in plan.reading.questions}
    facts = [f for label in part.formulas if (f := plan.outline.fact(label))]
    return {
        "id": part.id,
        "title": part.title,
        "purpose": part.purpose,
        "mode": spot.mode,
        "after": part.after,
        "before_text": before,
        "after_text": after,
        "host": spot.host,
        "fills": [fills[c] for c in part.covers if c in fills],
        "answers": [asks[c] for c in part.covers if c in asks],
        "claims": list(part.claims),
        "formulas": [
            {"label": f.label, "tex": fact_text(f).strip("$"), "given": f.given, "check": f.check}
            for f in facts
        ],
        "not_here": part.not_here,
        "lines": part.lines,
        "note": job.notes.get(part.id, ""),
        "old": job.old.get(part.id, ""),
    }
