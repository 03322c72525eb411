"""The verdict on a draft: computed from checks, targets and evidence, never asked of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent import checks
from agent.article import read, regions
from agent.checks.page import Page, Ran
from agent.checks.standard import Standard
from agent.pipeline.assemble import Assembled
from agent.pipeline.bind import Binding
from agent.pipeline.closing import Unwritten
from agent.pipeline.evidence import is_refuted
from agent.pipeline.job import Job
from agent.pipeline.known import assets_of, bound
from agent.pipeline.recheck import with_planned
from agent.pipeline.writer import Draft, Plan
from agent.records import Judgement, TargetResult, Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    judgement: Judgement
    """pass: targets met, no error, nothing unfinished or refuted · fail: one of these · undecided: a check
    could not run."""
    reasons: tuple[str, ...]
    """Why it does not pass, in words."""
    checks: tuple[Verdict, ...]


def judge(
    job: Job,
    plan: Plan,
    drafts: Sequence[Draft],
    whole: Assembled,
    targets: Sequence[TargetResult],
    unwritten: Sequence[Unwritten] = (),
    bindings: Sequence[Binding] = (),
) -> Judged:
    """Check the whole draft and add up what speaks against it."""
    verdicts = check_draft(job, plan, whole, bindings)
    unfinished = [(d.pack.name, d.problem) for d in drafts if d.problem]
    unfinished += [(u.id, u.reason) for u in unwritten]
    refuted = [label for label, v in plan.evidence.verdicts.items() if is_refuted(v)]
    return conclude(verdicts, targets, unfinished, refuted, whole.dangling)


def conclude(
    verdicts: Sequence[Verdict],
    targets: Sequence[TargetResult],
    unfinished: Sequence[tuple[str, str]],
    refuted: Sequence[str],
    dangling: Sequence[tuple[str, str]],
) -> Judged:
    """Add up what speaks against a draft: (part, why) of what was not written, labels of refuted formulas,
    (section, label) of references that point nowhere."""
    reasons = [f"{t.name} {t.got}，目标 {t.wanted}" for t in targets if not t.met]
    reasons += [f"{name} 没有写成：{problem}" for name, problem in unfinished]
    reasons += [f"{label} 的见证否定了它" for label in refuted]
    reasons += [f"{id} 引用的 {label} 不在文中" for id, label in dangling]
    for verdict in verdicts:
        errors = sum(f.severity == "error" for f in verdict.findings)
        if errors:
            reasons.append(f"{verdict.name} 有 {errors} 处错误")
    if reasons:
        return Judged("fail", tuple(reasons), tuple(verdicts))
    undecided = [v.name for v in verdicts if v.judgement == "undecided"]
    if undecided:
        return Judged("undecided", tuple(f"{name} 没有查成" for name in undecided), tuple(verdicts))
    return Judged("pass", (), tuple(verdicts))


def check_draft(job: Job, plan: Plan, whole: Assembled, bindings: Sequence[Binding]) -> tuple[Verdict, ...]:
    """All checks on the assembled page, planning findings added to `structure`."""
    article = read(whole.data, job.material.article.name)
    page = Page(
        article=article,
        file=job.material.article.name,
        source=job.material.article,
        ours=tuple((r.begin_line, r.end_line) for r in regions(whole.data)),
        standard=Standard.of(job.standard),
        references=plan.works,
        experiments={
            **{id: Ran(False) for id in plan.evidence.failures},
            **{id: Ran(True, run.values) for id, run in plan.evidence.runs.items()},
        },
        bindings=bound(bindings),
        assets=assets_of(plan.evidence, job.slug),
    )
    return with_planned(checks.run(page), plan.layout.findings)
