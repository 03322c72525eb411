"""Witnesses and experiments: run before any prose is written, so that writers build on what held."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.errors import BadReply, ContextOverflow, Malformed, NotRecorded, SandboxUnavailable
from agent.lab import NOT_RUN as NO_SANDBOX
from agent.lab import ExperimentResult, Sandbox, Value, WitnessJob, WitnessVerdict, run_experiment
from agent.lab.witness.record import NOT_RUN, not_run
from agent.pipeline.bind import EXPERIMENT
from agent.pipeline.claims import overlaid
from agent.pipeline.evidence import Evidence, Run, RunText, describe, is_settled
from agent.pipeline.job import Job, Shared, extend
from agent.pipeline.packs import take_notes
from agent.pipeline.records import Experiment, Fact, Outline
from agent.pipeline.tables import facts_text
from agent.pipeline.together import together

FENCE = re.compile(
    r"^```(python witness|python experiment|fact)[ \t]*([^\n]*)\n(.*?)^```[ \t]*$", re.S | re.M
)
NO_WITNESS = re.compile(r"^无见证 *([A-Za-z0-9_.:-]+) *[：:] *(.+)$", re.M)
WITNESSES_PER_CALL = 5
OFF = "实验室没有启用"
BROKEN = "沙箱没有启动起来"


@dataclass(frozen=True, slots=True)
class Witnesses:
    """A coder's reply: programs by label, reasons why there is none, and formulas it corrects."""

    code: Mapping[str, str]
    declined: Mapping[str, str]
    facts: Mapping[str, Mapping[str, str]]


async def gather_evidence(job: Job, shared: Shared, outline: Outline) -> tuple[Outline, Evidence]:
    """Witness the outline's facts and run its experiments. The outline comes back with corrected formulas.

    Where nothing can confine a program, nothing runs and everything says so.
    """
    if job.sandbox is None:
        why = NO_SANDBOX if job.config.lab.enabled else OFF
        return outline, Evidence(failures={e.id: why for e in outline.experiments})
    outline, evidence = await witness_facts(job, shared, outline)
    shared = extend(shared, facts=facts_text(outline, {}, evidence.words()))
    runs = await together([experiment(job, shared, e) for e in outline.experiments])
    ran = {r.id: r for r in runs if isinstance(r, Run)}
    failures = {e.id: r for e, r in zip(outline.experiments, runs, strict=True) if isinstance(r, str)}
    return outline, replace(evidence, runs=ran, failures=failures)


async def witness_facts(job: Job, shared: Shared, outline: Outline) -> tuple[Outline, Evidence]:
    """Ask for witnesses in groups, run them, send back what did not hold."""
    wanted = [f for f in outline.facts if f.witness]
    groups = [wanted[i : i + WITNESSES_PER_CALL] for i in range(0, len(wanted), WITNESSES_PER_CALL)]
    results = await together([witness_group(job, shared, n, g) for n, g in enumerate(groups, 1)])
    facts = {f.label: f for group, _ in results for f in group}
    evidence = Evidence()
    for _, part in results:
        evidence = overlaid(evidence, part)
    outline = replace(outline, facts=tuple(facts.get(f.label, f) for f in outline.facts))
    return outline, evidence


async def witness_group(
    job: Job, shared: Shared, number: int, facts: Sequence[Fact], *, name: str = "witness", excerpt: str = ""
) -> tuple[list[Fact], Evidence]:
    """Witness some formulas; a group that cannot be asked for is left unchecked."""
    current = {f.label: f for f in facts}
    try:
        answer = await job.ask(
            f"{name}.{number}/write", "witness", shared, lambda r: parse_witnesses(r, current), formulas=list(facts), excerpt=excerpt
        )  # fmt: skip
        code, declined = dict(answer.value.code), dict(answer.value.declined)
        verdicts = await run_all(job, current, code)
        for n in range(1, job.config.loop.repairs + 1):
            open_ = [x for x in code if not is_settled(verdicts[x]) and verdicts[x].grade != NOT_RUN]
            if not open_:
                break
            mended = await job.ask(
                f"{name}.{number}/repair.{n}",
                "witness_repair",
                shared,
                lambda r: parse_witnesses(r, current),
                formulas=[current[x] for x in open_],
                problems="\n\n".join(
                    f"{x}：{describe(verdicts[x])}\n```python witness eq={x}\n{code[x]}\n```" for x in open_
                ),
            )
            for label, fields in mended.value.facts.items():
                current[label] = corrected(current[label], fields)
            code.update(mended.value.code)
            declined.update(mended.value.declined)
            changed = [x for x in open_ if x in mended.value.code or x in mended.value.facts]
            verdicts.update(await run_all(job, current, {x: code[x] for x in changed}))
    except (BadReply, NotRecorded, ContextOverflow) as error:
        return list(facts), Evidence(declined={f.label: str(error) for f in facts})
    return list(current.values()), Evidence(verdicts=verdicts, witnesses=code, declined=declined)


async def run_all(job: Job, facts: Mapping[str, Fact], code: Mapping[str, str]) -> dict[str, Any]:
    """Run witnesses side by side, off the event loop, a processor each."""
    from agent.lab.witness import WitnessJob, cache

    jobs = [WitnessJob(eq=x, code=source, tex=facts[x].rhs) for x, source in code.items()]
    if job.sandbox is None:
        return {}
    folder = job.shelf.witnesses
    keys = [cache.key(j) for j in jobs]
    await job.shelf.fetch(keys)
    verdicts = {j.eq: v for j in jobs if folder and (v := cache.load(folder, j))}
    fresh = [j for j in jobs if j.eq not in verdicts]
    sandbox, benches = job.sandbox, min(job.workshop.benches, len(fresh)) or 1
    shares = [share for n in range(benches) if (share := fresh[n::benches])]
    found = await together([job.workshop.run(witnessed, share, sandbox) for share in shares])
    for share, part in zip(shares, found, strict=True):
        for j, v in zip(share, part, strict=True):
            verdicts[j.eq] = v
            if folder:
                cache.save(folder, j, v)
    await job.shelf.share([k for k, j in zip(keys, jobs, strict=True) if j in fresh])
    return {j.eq: verdicts[j.eq] for j in jobs}


def witnessed(jobs: Sequence[WitnessJob], sandbox: Sandbox) -> list[WitnessVerdict]:
    """Their verdicts; where the sandbox breaks down on the way, that they were not run."""
    from agent.lab.witness import run_witnesses

    try:
        return run_witnesses(jobs, sandbox, 1)
    except SandboxUnavailable as error:
        return [not_run(j, str(error)) for j in jobs]


async def experiment(job: Job, shared: Shared, spec: Experiment) -> Run | str:
    """Have an experiment written, run it, send failures and earned warnings back. Gives why there is none."""
    problem = ""
    kept: Run | None = None
    try:
        answer = await job.ask(f"{spec.id}/code", "experiment_code", shared, parse_program, experiment=spec)
        code = answer.value
        for n in range(1, job.config.loop.repairs + 2):
            result = await run_program(job, code, spec.id)
            problem = complaint(result)
            if result.ok:
                kept = as_run(spec.id, code, result)
            if not problem or n > job.config.loop.repairs:
                break
            fixed = await job.ask(
                f"{spec.id}/fix.{n}", "experiment_fix", shared, parse_program, experiment=spec, code=code, problem=problem
            )  # fmt: skip
            code = fixed.value
    except SandboxUnavailable as error:
        # No model is asked to mend what the machine lacks, or told of it.
        job.tell("note", f"{spec.id}：{error}")
        problem = BROKEN
    except (BadReply, NotRecorded, ContextOverflow) as error:
        problem = str(error)
    return kept or problem.splitlines()[-1]


async def run_program(job: Job, code: str, id: str) -> ExperimentResult:
    """Run an experiment in its turn, or take its result from the shelf."""
    from agent.lab import cache

    assert job.sandbox is not None
    keys = [cache.key(code)]
    await job.shelf.fetch(keys)
    result = await job.workshop.run(
        run_experiment, code, id=id, sandbox=job.sandbox, limits=job.limits, cache=job.shelf.experiments
    )
    if not result.cached:
        await job.shelf.share(keys)
    return result


async def run_brought(job: Job, text: str, known: Collection[str]) -> Evidence:
    """Run the `python experiment id=…` blocks that stand in a part, but for the article's own experiments."""
    runs: dict[str, Run] = {}
    failures: dict[str, str] = {}
    named = Counter(id_of(m) for m in FENCE.finditer(text) if m[1] == "python experiment")
    for match in FENCE.finditer(text):
        id = id_of(match)
        # vet has refused other IDs in what a model wrote; a path is never made from one that came another way.
        if match[1] != "python experiment" or id in known or not EXPERIMENT.fullmatch(id):
            continue
        if job.sandbox is None:
            failures[id] = NO_SANDBOX if job.config.lab.enabled else OFF
            continue
        if named[id] > 1:
            # Which of them a value came from could not be told.
            failures[id] = f"{named[id]} 个程序都叫 {id}，编号要依次递增"
            continue
        code = match[3].strip("\n")
        try:
            result = await run_program(job, code, id)
        except SandboxUnavailable as error:
            job.tell("note", f"{id}：{error}")
            failures[id] = BROKEN
            continue
        if result.ok:
            runs[id] = as_run(id, code, result)
        else:
            failures[id] = result.error or "没有正常结束"
    return Evidence(runs=runs, failures=failures)


def id_of(program: re.Match[str]) -> str:
    return program[2].strip().removeprefix("id=")


def complaint(result: ExperimentResult) -> str:
    """What goes back to the model: the traceback of a failure, else the warnings the run earned."""
    if not result.ok:
        return result.error or "没有正常结束"
    return "\n".join(w.message for w in result.warnings if w.certain)


def as_run(id: str, code: str, result: ExperimentResult) -> Run:
    """The result in the words of the prompts."""
    numbers = "\n".join(value_line(name, value) for name, value in result.values.items())
    tables = "\n\n".join(f"table:{name}\n{table.markdown()}" for name, table in result.tables.items())
    figures = "\n".join(f"figure:{name}" for name in result.figures)
    shown = "\n".join(x for x in (numbers, figures) if x) or "（没有交出数）"
    return Run(
        id,
        code,
        RunText(code, shown, tables, result.stdout[:4000], "\n".join(w.message for w in result.warnings)),
        values={name: value.value for name, value in result.values.items()},
        units={name: value.unit for name, value in result.values.items()},
        tables={name: table.markdown() for name, table in result.tables.items()},
        figures={name: figure.png for name, figure in result.figures.items()},
        warnings=tuple(w.message for w in result.warnings),
        captions={name: figure.about for name, figure in result.figures.items() if figure.about},
        seconds=result.seconds,
    )


def value_line(name: str, value: Value) -> str:
    seeds = value.seeds()
    return f"{name} = {value.text()}" + (f"（逐个种子：{seeds}）" if seeds else "")


def parse_program(reply: str) -> str:
    """The one program of a reply. Raises Malformed where there is none, or more than one."""
    text, _ = take_notes(reply)
    blocks = [m[3] for m in FENCE.finditer(text) if m[1] == "python experiment"]
    if len(blocks) != 1:
        raise Malformed(f"要恰好一个 python experiment 代码块，现在有 {len(blocks)} 个")
    return blocks[0].strip("\n")


def parse_witnesses(reply: str, facts: Mapping[str, Fact]) -> Witnesses:
    """Programs, refusals and corrections of a reply. Raises Malformed for an unknown label or an empty reply."""
    text, _ = take_notes(reply)
    code: dict[str, str] = {}
    mended: dict[str, dict[str, str]] = {}
    for match in FENCE.finditer(text):
        kind, info, body = match[1], match[2].strip(), match[3].strip("\n")
        label = info.removeprefix("eq=")
        if label not in facts:
            raise Malformed(f"{label or '（没有标签）'} 不在这次要见证的公式里：{'、'.join(facts)}")
        if kind == "python witness":
            code[label] = body
        elif kind == "fact":
            mended[label] = dict(_fields(body))
    declined = {m[1]: m[2].strip() for m in NO_WITNESS.finditer(text) if m[1] in facts}
    if not code and not declined:
        raise Malformed("没有见证代码块，也没有“无见证 标签：理由”")
    return Witnesses(code, declined, mended)


def _fields(body: str) -> list[tuple[str, str]]:
    rows = []
    for line in body.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("lhs", "rel", "rhs", "error", "given", "check"):
            rows.append((name.strip(), value.strip()))
    return rows


def corrected(fact: Fact, fields: Mapping[str, str]) -> Fact:
    """A fact with the formula a failed witness led to."""
    error = fields.get("error", fact.error) or None
    kept = {k: v for k, v in fields.items() if k != "error" and v}
    return replace(fact, **kept, error=error)
