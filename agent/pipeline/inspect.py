"""The checks a pack goes through while it is written; their findings feed its repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent import checks
from agent.article import read
from agent.article.tex import LABEL
from agent.checks.page import Page, Ran
from agent.lab import scan
from agent.pipeline.bind import unknown_outputs
from agent.pipeline.claims import claims
from agent.pipeline.evidence import Evidence, is_refuted
from agent.pipeline.job import Job
from agent.pipeline.packs import MARK, Pack, outside_code
from agent.records import Finding

if TYPE_CHECKING:
    from agent.pipeline.writer import Plan


def inspect(job: Job, plan: Plan, pack: Pack, text: str, evidence: Evidence) -> list[Finding]:
    """Findings about the joined text of a pack, by its own line numbers.

    Runs MathJax and other processor work: call it off the event loop.
    """
    seen = separators_blanked(text)
    own = {label for p in pack.parts for label in p.formulas}
    elsewhere = frozenset(f.label for f in plan.outline.facts) - own
    runs = {**plan.evidence.runs, **evidence.runs}
    page = Page(
        article=read(seen.encode("utf-8"), pack.name),
        file=pack.name,
        source=job.material.article,
        is_part=True,
        known_labels=job.material.labels | elsewhere,
        prelude=job.material.prelude,
        references=plan.works,
        experiments={id: Ran(True, run.values) for id, run in runs.items()},
    )
    found = [f for verdict in checks.run(page) for f in verdict.findings if f.severity != "info"]
    failures = {**plan.evidence.failures, **evidence.failures}
    unbound = [
        Finding("results", "bound_values", "error", f"{shown}：{why}", line)
        for line, shown, why in unknown_outputs(text, runs, failures)
    ]
    return [*found, *owned_labels(pack, text), *contradicted(evidence, seen), *unbound, *suspects(page)]


def owned_labels(pack: Pack, text: str) -> list[Finding]:
    """A part derives the formulas it was given, under the labels it was given: others cite them."""
    found = []
    starts = part_lines(pack, text)
    for part in pack.parts:
        body = text.split("\n")[starts[part.id][0] - 1 : starts[part.id][1]]
        defined = set(LABEL.findall("\n".join(body)))
        for label in part.formulas:
            if label not in defined:
                line = starts[part.id][0]
                message = f"{part.id} 没有写出 {label}（\\label{{{label}}}），别处要引用它"
                found.append(Finding("references", "owned_labels", "error", message, line))
    return found


def suspects(page: Page) -> list[Finding]:
    """Steps whose plain numbers do not agree. Reading alone refutes nothing, so they are warnings."""
    return [
        Finding(
            "results", "arithmetic", "warning", f"这一步的两边算出来不等，请核对：{step.detail}", step.line
        )
        for step in scan(page.article)
        if step.suspect
    ]


def contradicted(evidence: Evidence, text: str) -> list[Finding]:
    """A formula that its witness refutes, or whose witness is about another formula, goes back."""
    found = []
    for claim in claims(text):
        verdict = evidence.verdicts.get(claim.label)
        if verdict is None:
            continue
        if is_refuted(verdict):
            said = f"见证 refuted：{claim.label}，{verdict.reason}"
            found.append(Finding("results", "witness", "error", said, claim.line))
        elif verdict.grade == "mislinked":
            said = f"{claim.label} 的展示式与它的见证不是同一个式子：{verdict.reason}"
            found.append(Finding("results", "witness", "warning", said, claim.line))
    return found


def part_lines(pack: Pack, text: str) -> dict[str, tuple[int, int]]:
    """Part → its first and last line in the joined text."""
    lines = outside_code(text)
    if len(pack.parts) == 1:
        return {pack.name: (1, len(lines))}
    marks = [(n, m[1]) for n, line in enumerate(lines, 1) if (m := MARK.match(line))]
    ends = [n - 1 for n, _ in marks[1:]] + [len(lines)]
    return {id: (n + 1, end) for (n, id), end in zip(marks, ends, strict=True)}


def separators_blanked(text: str) -> str:
    """The joined text as checks see it: `=== id` lines blanked, so that line numbers stay."""
    rows = zip(text.split("\n"), outside_code(text), strict=True)
    return "\n".join("" if MARK.match(code) else row for row, code in rows)
