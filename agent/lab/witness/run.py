"""Runs witnesses in the sandbox, many side by side."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from agent.lab.sandbox import Limits, Outcome, Sandbox
from agent.lab.sandbox.system import python_argv
from agent.lab.witness.record import NOT_RUN, WitnessJob, WitnessVerdict, from_reply, not_run, unchecked

BOOT = "from inside.witness_runner import entry; entry()"
JOBS = "_jobs.json"
SECONDS = 20.0
"""Time of one witness with its mutation pass."""
START = 20.0
"""Allowance for starting Python and loading numpy on a busy machine."""
WITNESS_LIMITS = Limits(wall=SECONDS + START, memory=3 << 30, output=4 << 20)


def run_witness(
    code: str, *, eq: str, tex: str | None, sandbox: Sandbox, limits: Limits = WITNESS_LIMITS
) -> WitnessVerdict:
    """Run one witness. ``tex`` is the displayed right side; the verdict never raises for what the code does.

    Raises SandboxUnavailable where the confinement breaks down.
    """
    return run_witnesses([WitnessJob(code, eq, tex)], sandbox, 1, limits=limits)[0]


def run_witnesses(
    jobs: Sequence[WitnessJob],
    sandbox: Sandbox,
    workers: int | None = None,
    *,
    limits: Limits = WITNESS_LIMITS,
) -> list[WitnessVerdict]:
    """Run all jobs, ``workers`` at a time (all processors by default), and give the verdicts in the order of the jobs.

    One sandbox serves a batch: Python and numpy start once, each witness is a process of its own in it. A witness
    whose reply is lost runs once more, alone, so that its neighbours cannot be to blame. Where the harness fails the
    second time too, the grade is ``not-run``.
    """
    if not jobs:
        return []
    workers = max(1, min(workers or os.cpu_count() or 1, len(jobs)))
    parts = _parts(jobs, workers)
    with ThreadPoolExecutor(len(parts)) as pool:
        found = list(pool.map(lambda part: _batch([jobs[i] for i in part], sandbox, limits), parts))
    verdicts: dict[int, WitnessVerdict | None] = {}
    for part, replies in zip(parts, found, strict=True):
        for index, verdict in zip(part, replies, strict=True):
            again = verdict is None or (len(part) == 1 and verdict.grade == NOT_RUN)
            verdicts[index] = _batch([jobs[index]], sandbox, limits)[0] if again else verdict
    return [verdicts[n] or unchecked(job, "the witness did not come back") for n, job in enumerate(jobs)]


def _parts(jobs: Sequence[WitnessJob], workers: int) -> list[list[int]]:
    """Round robin: neighbours in an article are often equally heavy."""
    return [list(range(start, len(jobs), workers)) for start in range(workers)]


def _batch(jobs: Sequence[WitnessJob], sandbox: Sandbox, limits: Limits) -> list[WitnessVerdict | None]:
    seconds = max(1.0, min(SECONDS, limits.wall - min(START, limits.wall / 2)))
    request = {
        "workers": 1,
        "jobs": [
            {"code": job.code, "eq": job.eq, "tex": job.tex, "salt": job.salt, "seconds": seconds}
            for job in jobs
        ],
    }
    whole = replace(limits, wall=limits.wall + math.ceil(seconds + 2) * (len(jobs) - 1))
    outcome = sandbox.run(
        python_argv(BOOT), files={JOBS: json.dumps(request, ensure_ascii=False).encode()}, limits=whole
    )
    found: list[WitnessVerdict | None] = [None] * len(jobs)
    # Not splitlines(): a reason may hold U+2028 and its like, which JSON leaves as they are.
    for line in outcome.stdout.split("\n"):
        try:
            reply = json.loads(line)
            number = int(reply["number"])
            if "lost" in reply:
                found[number] = unchecked(jobs[number], str(reply["lost"]), seconds)
            else:
                found[number] = from_reply(jobs[number], reply)
        except (ValueError, KeyError, IndexError, TypeError):
            continue
    if len(jobs) == 1 and found[0] is None:
        found[0] = _lost(jobs[0], outcome)
    return found


def _lost(job: WitnessJob, outcome: Outcome) -> WitnessVerdict:
    if outcome.killed_by:
        return unchecked(job, f"stopped: {outcome.killed_by} limit reached", outcome.seconds)
    why = outcome.stderr.strip()[-300:] or f"exit {outcome.exit}"
    return not_run(job, f"the harness did not start: {why}", outcome.seconds)
