"""Verdicts by the hash of witness and formula: a verdict enters later prompts, so a resumed run must meet the same
one, also where a busy machine left a mutant untried the second time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from agent.lab.cache import tools
from agent.lab.witness.record import NOT_RUN, WitnessJob, WitnessVerdict
from agent.workspace import make_folder

PREFIX = "w3:"
"""Version of the key: raise it when the harness judges otherwise."""


def key(job: WitnessJob) -> str:
    text = json.dumps([tools("z3-solver"), job.code, job.tex, job.eq, job.salt], ensure_ascii=False)
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()


def load(folder: Path, job: WitnessJob) -> WitnessVerdict | None:
    """The stored verdict, or None where there is none or it is damaged."""
    try:
        data = json.loads(_path(folder, job).read_text(encoding="utf-8"))
        return WitnessVerdict(**{**data, "survivors": tuple(data["survivors"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def save(folder: Path, job: WitnessJob, verdict: WitnessVerdict) -> None:
    """Store a verdict; not one of a witness that could not run, which says more of the machine than of it."""
    if verdict.grade in ("invalid", NOT_RUN):
        return
    path = _path(folder, job)
    make_folder(path.parent)
    temporary = path.with_suffix(f".{hashlib.sha256(str(id(verdict)).encode()).hexdigest()[:8]}.tmp")
    temporary.write_text(json.dumps(asdict(verdict), ensure_ascii=False), encoding="utf-8")
    temporary.replace(path)


def _path(folder: Path, job: WitnessJob) -> Path:
    return folder / f"{key(job).removeprefix(PREFIX)[:40]}.json"
