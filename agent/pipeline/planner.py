"""Reading, outline and division: what the expansion is about, before a word of it is written.

Any outline that satisfies its schema is workable. What does not fit together (a label nobody defined, a part
outside every chapter, two owners of one formula) is mended in one stated way and becomes a finding.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, TypeVar

from agent.article import Anchor, anchor_after_line
from agent.config import StandardConfig
from agent.errors import RegionError
from agent.llm import json_parser
from agent.pipeline.job import Job, Shared
from agent.pipeline.material import Material
from agent.pipeline.records import Chapter, Division, Outline, Part, Reading, build
from agent.prompts import Library
from agent.records import Finding

T = TypeVar("T")

UNFIT = re.compile(r"(?i:expand:(?:begin|end))|<!-*|-->|`{3,}|~{3,}|\$\$|[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a part stands."""

    mode: str
    """inline: a box after a paragraph · section: at the end of one of the author's sections · append: at the
    end of the article."""
    anchor: Anchor | None
    """None for append."""
    host: str = ""
    """Heading of the author's section."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A division that fits together, with a place for every part."""

    division: Division
    spots: Mapping[str, Spot]
    findings: tuple[Finding, ...] = ()


async def read_source(job: Job, shared: Shared) -> Reading:
    """Ask for the structured reading of the source."""
    return await _ask_json(job, "reading", shared, Reading)


async def draw_outline(job: Job, shared: Shared) -> tuple[Outline, tuple[Finding, ...]]:
    """Ask for the outline; duplicate labels and IDs are dropped with a finding."""
    outline = await _ask_json(job, "outline", shared, Outline, seconds=job.config.lab.seconds)
    return settle_outline(outline, job.material)


def two_meanings(reading: Reading, outline: Outline) -> tuple[Finding, ...]:
    """A symbol that stands for two things, in the source or because the expansion took it again."""
    meanings: dict[str, list[str]] = {}
    for symbol in (*reading.notation, *outline.symbols):
        for tex in symbol.tex.split(","):
            known = meanings.setdefault("".join(tex.split()), [])
            if symbol.meaning not in known:
                known.append(symbol.meaning)
    return tuple(
        _finding(f"${tex}$ 有两个意思：{'；'.join(said)}")
        for tex, said in meanings.items()
        if tex and len(said) > 1
    )


async def divide(job: Job, shared: Shared, outline: Outline) -> Layout:
    """Ask who writes what, and settle the answer into a layout."""
    added = max(job.targets.lines - (0 if job.targets.added else len(job.material.article.lines)), 60)
    formulas = max(
        job.targets.formulas
        - (0 if job.targets.added else sum(f.kind == "display" for f in job.material.article.formulas)),
        0,
    )
    division = await _ask_json(
        job,
        "division",
        shared,
        Division,
        templates=templates_text(job.library, job.standard.shares),
        target_lines=round(added * 1.05),
        target_formulas=formulas,
        part_lines=min(90, job.config.loop.pack_lines),
        layout=job.config.loop.layout,
        standard=standard_text(job.standard),
    )
    return settle_division(division, outline, job.material, job.library, job.config.loop.layout)


async def _ask_json(job: Job, name: str, shared: Shared, kind: type[T], **values: Any) -> T:
    schema = job.library.schema(name)
    assert schema is not None
    answer = await job.ask(name, name, shared, json_parser(schema, lambda raw: build(kind, raw)), **values)
    return answer.value


def standard_text(standard: StandardConfig) -> str:
    """The expansion standard in words, for the one who divides the work."""
    wishes = [f"带标题的小节不少于 {standard.subsections} 个"]
    if standard.methods:
        wishes.append(f"一张至少比较 {standard.methods} 种做法的表")
    if standard.boxes:
        wishes.append(f"至少 {standard.boxes} 种盒子")
    if standard.example:
        wishes.append("至少一个手算的例子（example-box）")
    if standard.fold:
        wishes.append(f"超过 {standard.fold} 行的代码或计算放进 details")
    return "；".join(wishes)


def templates_text(library: Library, shares: Mapping[str, float]) -> str:
    rows = []
    for s in library.sections:
        share = shares.get(s.name, s.share_lines)
        where = "可织入原文" if s.layout == "weave" else "文末"
        must = f"；必须有 {'、'.join(s.must)}" if s.must else ""
        rows.append(
            f"{s.name}「{s.title}」：{s.purpose}；约占篇幅 {share:.0%}；至多 {s.max_parts} 个部分；{where}{must}"
        )
    return "\n".join(rows)


def settle_outline(outline: Outline, material: Material) -> tuple[Outline, tuple[Finding, ...]]:
    """Drop what is defined twice; a label the author already uses is renamed by the program."""
    findings: list[Finding] = []
    facts = []
    seen: set[str] = set()
    for fact in outline.facts:
        if fact.label in seen:
            findings.append(_finding(f"结论表两次定义 {fact.label}，后一条不用"))
            continue
        seen.add(fact.label)
        if fact.label in material.labels:
            taken = seen | material.labels | {f.label for f in outline.facts}
            fresh = next(name for n in count(1) if (name := f"{fact.label}-x{n}") not in taken)
            findings.append(_finding(f"{fact.label} 是原文已有的标签，改名为 {fresh}"))
            seen.add(fresh)
            fact = replace(fact, label=fresh)
        facts.append(fact)
    experiments = {e.id: e for e in reversed(outline.experiments)}
    if len(experiments) < len(outline.experiments):
        findings.append(_finding("提纲里有编号重复的实验，后一个不用"))
    ordered = tuple(e for e in outline.experiments if experiments[e.id] is e)
    return replace(outline, facts=tuple(facts), experiments=ordered), tuple(findings)


def settle_division(
    division: Division, outline: Outline, material: Material, library: Library, layout: str
) -> Layout:
    """Make a division fit templates, outline and article; see the module's first lines."""
    findings: list[Finding] = []
    chapters = _chapters(division, library, findings)
    owned: set[str] = set()
    run: set[str] = set()
    settled = []
    for chapter in chapters:
        parts = [_settle_part(p, outline, owned, run, findings) for p in chapter.parts]
        settled.append(Chapter(chapter.id, tuple(parts)))
    for fact in outline.facts:
        if fact.label not in owned:
            findings.append(_finding(f"{fact.label} 没有部分来推导"))
    for experiment in outline.experiments:
        if experiment.id not in run:
            findings.append(_finding(f"{experiment.id} 没有部分来讨论"))
    whole = replace(division, sections=tuple(settled))
    spots = {p.id: place(p, material, library, layout, findings) for p in whole.parts}
    return Layout(whole, spots, tuple(findings))


def _chapters(division: Division, library: Library, findings: list[Finding]) -> list[Chapter]:
    """Chapters in template order, parts renumbered `section.n`, surplus parts and unknown chapters dropped."""
    by_id: dict[str, list[Part]] = {}
    for chapter in division.sections:
        template = library.section(chapter.id)
        if template is None:
            findings.append(
                _finding(f"分工里的「{chapter.id}」不是一个模板，其 {len(chapter.parts)} 个部分不写")
            )
            continue
        by_id.setdefault(chapter.id, []).extend(chapter.parts)
    chapters = []
    for template in library.sections:
        parts = by_id.get(template.name, [])
        if len(parts) > template.max_parts:
            findings.append(
                _finding(
                    f"{template.name} 至多 {template.max_parts} 个部分，多出的 {len(parts) - template.max_parts} 个不写"
                )
            )
        kept = [replace(p, id=f"{template.name}.{n}") for n, p in enumerate(parts[: template.max_parts], 1)]
        if kept:
            chapters.append(Chapter(template.name, tuple(kept)))
    return chapters


def _settle_part(
    part: Part, outline: Outline, owned: set[str], run: set[str], findings: list[Finding]
) -> Part:
    labels = []
    for label in part.formulas:
        if outline.fact(label) is None:
            findings.append(_finding(f"{part.id} 要推导 {label}，结论表里没有它"))
        elif label in owned:
            findings.append(_finding(f"{label} 分给了两个部分，{part.id} 不写"))
        else:
            owned.add(label)
            labels.append(label)
    experiment = part.experiment
    if experiment is not None:
        if experiment not in {e.id for e in outline.experiments}:
            findings.append(_finding(f"{part.id} 要讨论 {experiment}，实验表里没有它"))
            experiment = None
        elif experiment in run:
            findings.append(_finding(f"{experiment} 分给了两个部分，{part.id} 不写"))
            experiment = None
        else:
            run.add(experiment)
    return replace(
        part,
        title=heading(part.title) or part.id,
        formulas=tuple(labels),
        experiment=experiment,
        lines=min(max(part.lines, 8), 120),
    )


def heading(title: str) -> str:
    """A title as a heading can hold it: one line, without what would open a comment, a fence, a display or a
    second heading."""
    words = " ".join(UNFIT.sub(" ", title).split())
    return words.strip("# ")


def place(part: Part, material: Material, library: Library, layout: str, findings: list[Finding]) -> Spot:
    """Where a part stands. A line that does not exist sends it to the end, with a finding."""
    template = library.section(part.section)
    weaves = layout == "weave" and template is not None and template.layout == "weave"
    if part.after is None or not weaves:
        return Spot("append", None)
    if not 1 <= part.after <= len(material.article.lines):
        findings.append(
            _finding(f"{part.id} 要插在第 {part.after} 行之后，原文只有 {len(material.article.lines)} 行")
        )
        return Spot("append", None)
    host = material.heading_before(part.after)
    line = part.after if part.inline else section_end(material, part.after)
    try:
        anchor = anchor_after_line(material.article, line)
    except RegionError:
        findings.append(_finding(f"{part.id}：第 {line} 行附近不能插入文字，排在文末"))
        return Spot("append", None)
    return Spot("inline" if part.inline else "section", anchor, host)


def section_end(material: Material, line: int) -> int:
    """Last line of the author's section (h2 or h3) that holds ``line``, copyright tail and stub left out."""
    ends = [h.line for h in material.article.headings if h.line > line and h.level <= 3]
    tail = material.tail_start
    ends += [tail] if tail > line else []
    end = min(ends, default=len(material.article.lines) + 1) - 1
    lines = material.article.lines
    # A rule (`---`) before the next heading separates it from what follows; text belongs before the rule.
    while end > line and (not lines[end - 1].strip() or set(lines[end - 1].strip()) <= set("-*_ ")):
        end -= 1
    return end


def owners(division: Division) -> dict[str, str]:
    """Formula label → part that derives it."""
    return {label: p.id for p in division.parts for label in p.formulas}


def spots_text(layout: Layout) -> dict[str, str]:
    """Part → its place in words, for the division table."""
    said = {}
    for part in layout.division.parts:
        spot = layout.spots[part.id]
        said[part.id] = {
            "inline": f"第 {part.after} 行之后",
            "section": f"「{spot.host}」一节之末" if spot.host else f"第 {part.after} 行所在一节之末",
            "append": "文末",
        }[spot.mode]
    return said


def plan_json(reading: Reading, outline: Outline, division: Division) -> str:
    """The three planning records as they were settled, for a person to read."""
    from dataclasses import asdict

    return json.dumps(
        {"reading": asdict(reading), "outline": asdict(outline), "division": asdict(division)},
        ensure_ascii=False,
        indent=1,
    )


def _finding(message: str) -> Finding:
    return Finding("structure", "outline", "warning", message)
