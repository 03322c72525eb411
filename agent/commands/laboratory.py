"""witness, experiment: run generated programs alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.commands.result import Result


def witness(files: Sequence[Path], *, unsafe: bool) -> Result:
    """Verdicts; exit code 1 when one is refuted or could not be checked."""
    from agent.lab.witness.files import witness_files

    found = witness_files(files, unsafe=unsafe)
    short = any(v.verdict in ("refuted", "unchecked") for v in found)
    return Result("witness", [v.to_json() for v in found], 1 if short else 0)


def experiment(files: Sequence[Path], *, unsafe: bool) -> Result:
    """Results; exit code 1 when one did not come to a good end."""
    from agent.lab import experiment_files

    found = experiment_files(files, unsafe=unsafe)
    return Result("experiment", [r.to_json() for r in found], 0 if all(r.ok for r in found) else 1)
