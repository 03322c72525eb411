"""witness, experiment: run generated programs alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.commands.files import of_each
from agent.commands.result import Result


def witness(files: Sequence[Path], *, unsafe: bool) -> Result:
    """Verdicts; exit code 1 when one is refuted or could not be checked."""
    from agent.lab.witness.files import run_jobs
    from agent.pipeline.reproduce import witness_jobs

    jobs, errors = of_each(files, witness_jobs)
    found = run_jobs([job for own in jobs for job in own], unsafe=unsafe)
    short = any(v.verdict in ("refuted", "unchecked") for v in found)
    return Result("witness", [v.to_json() for v in found] or None, 1 if short else 0, errors=errors)


def experiment(files: Sequence[Path], *, unsafe: bool) -> Result:
    """Results; exit code 1 when one did not come to a good end."""
    from agent.lab.experiment import program_of, run_programs

    programs, errors = of_each(files, program_of)
    found = run_programs(programs, unsafe=unsafe)
    short = not all(r.ok for r in found)
    return Result("experiment", [r.to_json() for r in found] or None, 1 if short else 0, errors=errors)
