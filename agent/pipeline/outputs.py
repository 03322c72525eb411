"""Writing down a finished run: draft, diff, report, sections. Everything here is computed, nothing is quoted
from a model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.article import read, regions
from agent.llm import Price, Row
from agent.pipeline.assemble import Section
from agent.pipeline.badges import file_name, witness_file
from agent.pipeline.diff import patch
from agent.pipeline.evidence import Evidence, describe, named
from agent.pipeline.expand import Outcome, digest
from agent.pipeline.job import Job
from agent.pipeline.planner import plan_json
from agent.pipeline.tally import tally
from agent.records import Finding, Usage
from agent.workspace import write_bytes, write_json, write_text

Stored = Callable[[str], Row | None]
"""The ledger's row of a key."""

BOLD = re.compile(r"<div class=\"theorem-box\">\s*\*\*(.+?)\*\*", re.S)


def write_outputs(
    job: Job, outcome: Outcome, folder: Path, path: str, stored: Stored, models: Mapping[str, str]
) -> dict[str, Any]:
    """Write `outputs/<slug>/` and return the report.

    ``path`` is the article's path below the workspace, ``stored`` gives the rows of the calls it relied on. The draft is written last: a crash before that leaves
    no draft that its report does not describe.
    """
    source = job.material.article.data
    report = build_report(job, outcome, path, stored, models)
    write_sections(folder, outcome.sections)
    plan = outcome.plan
    write_text(folder / "plan.json", plan_json(plan.reading, plan.outline, plan.layout.division) + "\n")
    for label, code in sorted(plan.evidence.witnesses.items()):
        write_text(folder / "witnesses" / f"{file_name(label)}.py", code.rstrip("\n") + "\n")
        write_text(folder / "assets" / job.slug / witness_file(label), code.rstrip("\n") + "\n")
    for run in plan.evidence.runs.values():
        write_text(folder / "experiments" / f"{run.id}.py", run.code.rstrip("\n") + "\n")
        write_text(folder / "experiments" / f"{run.id}.out", run.prompt.printed.rstrip("\n") + "\n")
        for name, data in run.figures.items():
            write_bytes(folder / "assets" / job.slug / run.figure_file(name), data)
    write_json(folder / "bindings.json", [asdict(b) for b in outcome.bindings])
    write_bytes(folder / "diff.patch", patch(source, outcome.assembled.data, path))
    write_json(folder / "report.json", report)
    write_bytes(folder / "draft.md", outcome.assembled.data)
    return report


def build_report(
    job: Job, outcome: Outcome, path: str, stored: Stored, models: Mapping[str, str]
) -> dict[str, Any]:
    source = job.material.article.data
    evidence = outcome.plan.evidence
    usage, cost, seconds = spending(stored, job.meter.rows, job.price)
    witnesses = witness_rows(evidence)
    verdicts = tally(outcome.assembled.data, witnesses)
    return {
        "slug": job.slug,
        "title": job.material.article.title,
        "source": {"path": path, "sha256": digest(source)},
        "models": dict(models),
        "verdict": outcome.judged.judgement,
        "reasons": list(outcome.judged.reasons),
        "before": asdict(outcome.before),
        "after": asdict(outcome.after),
        "added": asdict(outcome.added),
        "targets": [{"name": t.name, "wanted": t.wanted, "got": t.got, "met": t.met} for t in outcome.targets],
        "checks": [
            {"name": v.name, "verdict": v.judgement, "findings": [asdict(f) for f in v.findings]}
            for v in outcome.judged.checks
        ],
        "witnesses": witnesses,
        "experiments": [
            *(
                {"id": r.id, "verdict": "pass", "values": dict(r.values), "warnings": list(r.warnings)}
                for r in evidence.runs.values()
            ),
            *({"id": id, "verdict": "undecided", "reason": why} for id, why in evidence.failures.items()),
        ],
        "laboratory": laboratory(job),
        "claims": sum(verdicts.values()),
        "verdicts": verdicts,
        "references": [asdict(w) for w in outcome.plan.works],
        "sections": sections_report(outcome),
        "core": core_content(outcome, verdicts),
        "rounds": outcome.rounds,
        "calls": len(job.meter.rows),
        "changed_prompts": sorted(job.meter.changed),
        "tokens": {"prompt": usage.prompt, "cached": usage.cached, "completion": usage.completion},
        "cost": cost,
        "seconds": seconds,
        "draft_sha256": digest(outcome.assembled.data),
    }  # fmt: skip


def laboratory(job: Job) -> str:
    """open; no sandbox: nothing here can confine a program; off: by the settings."""
    if job.sandbox is not None:
        return "open"
    return "no sandbox" if job.config.lab.enabled else "off"


def sections_report(outcome: Outcome) -> list[dict[str, Any]]:
    """Each section: where it stands, what it measures, what was found in it and what its writer said."""
    found = [f for v in outcome.judged.checks for f in v.findings]
    notes = {d.pack.name: d.notes for d in outcome.drafts}
    rows = section_rows(outcome.assembled.data, outcome.sections, found, notes)
    unfinished = [(d.pack, d.problem) for d in outcome.drafts if d.problem]
    for pack, problem in unfinished:
        rows += [
            {"id": p.id, "title": p.title, "verdict": "unfinished", "reason": problem} for p in pack.parts
        ]
    rows += [
        {"id": u.id, "title": u.title, "verdict": "unfinished", "reason": u.reason} for u in outcome.unwritten
    ]
    return rows


def witness_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """Every formula a witness was asked for: those that have one, then those that were declined."""
    declined = [
        {"label": label, "verdict": "unchecked", "says": f"未核验（{why}）"}
        for label, why in sorted(evidence.declined.items())
        if label not in evidence.verdicts
    ]
    return [*(witness_row(label, v) for label, v in sorted(evidence.verdicts.items())), *declined]


def witness_row(label: str, verdict: Any) -> dict[str, Any]:
    """A verdict with what it rests on: by which route, how many mutants it noticed, how it is tied to the formula."""
    names = ("grade", "route", "killed", "live", "linked", "reason", "survivors")
    details = {n: getattr(verdict, n) for n in names if hasattr(verdict, n)}
    return {"label": label, "verdict": verdict.verdict, "says": describe(verdict), **details}


def section_rows(
    data: bytes, sections: Sequence[Section], found: Sequence[Finding], notes: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """One row for each section of a draft: place, measure, findings, what its writer said."""
    article = read(data, "draft.md")
    spans = {r.id: (r.begin_line, r.end_line) for r in regions(data)}
    rows = []
    for section in sections:
        first, last = spans[section.id]
        inside = [f for f in found if first <= f.line <= last]
        rows.append(
            {
                "id": section.id,
                "title": section.title,
                "anchor": section.anchor,
                "chapter": section.chapter,
                "inline": section.inline,
                "line": first,
                "lines": last - first + 1,
                "formulas": sum(first <= f.line <= last for f in article.displays),
                "verdict": "fail" if any(f.severity == "error" for f in inside) else "pass",
                "findings": [asdict(f) for f in inside],
                "notes": list(notes.get(section.id, ())),
            }
        )
    return rows


def core_content(outcome: Outcome, claims: Mapping[str, int]) -> list[str]:
    """What the expansion holds, for the progress entry: section titles, theorems by name, how its ``claims`` stand."""
    rows = [s.title for s in outcome.sections if s.title and s.id != "map"]
    theorems = [t.strip("。． ") for text in outcome.assembled.texts.values() for t in BOLD.findall(text)]
    if theorems:
        rows.append("定理与命题：" + "；".join(theorems))
    verdicts = list(outcome.plan.evidence.verdicts.values())
    if verdicts:
        counts = [*claims.items(), ("其中 proved", sum(named(v) == "proved" for v in verdicts))]
        said = "，".join(f"{w} {n}" for w, n in counts if n)
        rows.append(f"见证：{said}（共 {sum(claims.values())} 式）")
    if outcome.plan.evidence.runs:
        rows.append(f"实验：{len(outcome.plan.evidence.runs)} 个，均已运行")
    return rows


def spending(stored: Stored, rows: Mapping[str, str], price: Price) -> tuple[Usage, float | None, float]:
    """Usage, cost in US dollars (None where a price is unknown) and seconds of the calls a run relied on."""
    usage, seconds = Usage(), 0.0
    costs: list[float | None] = []
    for key in rows:
        row = stored(key)
        if row is None:
            continue
        usage = usage + row.reply.usage
        seconds += row.seconds
        costs.append(price(row.model, row.reply.usage))
    known = [c for c in costs if c is not None]
    return usage, (round(sum(known), 6) if len(known) == len(costs) else None), round(seconds, 3)


def write_sections(folder: Path, sections: Sequence[Section]) -> None:
    """`sections/<id>.md`: the text as written, which a merge of some sections assembles again."""
    place = folder / "sections"
    for section in sections:
        write_text(place / f"{section.id}.md", section.text.strip("\n") + "\n")
    write_json(place / "index.json", [{k: v for k, v in asdict(s).items() if k != "text"} for s in sections])
    remove_other_sections(folder, {f"{s.id}.md" for s in sections})


def remove_other_sections(folder: Path, current: Collection[str]) -> None:
    """Delete sections of an earlier draft, whose files are not among the ``current``."""
    for path in (folder / "sections").glob("*.md"):
        if path.name not in current:
            path.unlink()


def load_sections(folder: Path) -> list[Section]:
    """The sections of a draft, in the order they were assembled in."""
    place = folder / "sections"
    index = json.loads((place / "index.json").read_text(encoding="utf-8"))
    return [
        Section(text=(place / f"{row['id']}.md").read_text(encoding="utf-8").strip("\n"), **row)
        for row in index
    ]
