"""Witnesses from files: a Python file holds one, an article holds many beside the formulas they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agent import article as articles
from agent.errors import NotUtf8, SandboxUnavailable, UsageError
from agent.lab.inside.tex.steps import labelled
from agent.lab.sandbox import NOT_RUN, Sandbox, open_sandbox
from agent.lab.witness.record import WitnessJob, WitnessVerdict, unchecked
from agent.lab.witness.run import run_witnesses

INFO = re.compile(r"python\s+witness\b(?:.*?\beq=(\S+))?")


def witness_files(
    paths: Iterable[Path | str],
    *,
    sandbox: Sandbox | None = None,
    unsafe: bool = False,
    workers: int | None = None,
    salt: int = 0,
) -> list[WitnessVerdict]:
    """Run every witness in the files, in order. Where nothing can confine them they come back unchecked.

    Raises UsageError for a file that cannot be read, or an article without witnesses.
    """
    return run_jobs([job for path in paths for job in jobs_of(Path(path), salt)], sandbox, unsafe, workers)


def run_jobs(
    jobs: Sequence[WitnessJob],
    sandbox: Sandbox | None = None,
    unsafe: bool = False,
    workers: int | None = None,
) -> list[WitnessVerdict]:
    """Run witnesses in a sandbox opened for them. Where nothing can confine them they come back unchecked."""
    if not jobs:
        return []
    try:
        box = sandbox or open_sandbox(unsafe)
    except SandboxUnavailable as error:
        return [unchecked(job, f"{NOT_RUN}（{error}）") for job in jobs]
    return run_witnesses(jobs, box, workers)


def jobs_of(path: Path, salt: int = 0) -> list[WitnessJob]:
    """The witnesses of one file: Python, or Markdown with ``python witness eq=…`` blocks."""
    hint = "name a witness in Python, or an article in Markdown"
    try:
        data = path.read_bytes()
        if path.suffix != ".md":
            # As a block of a reply was: a witness's samples follow from its text to the last byte.
            return [WitnessJob(data.decode("utf-8").strip("\n"), file=str(path), salt=salt)]
    except UnicodeDecodeError as error:
        raise NotUtf8(str(path), error.start) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", hint=hint) from error
    jobs = article_jobs(data, str(path), salt)
    if not jobs:
        raise UsageError(
            f"{path}: holds no witness",
            hint="witnesses of an article are blocks marked ```python witness eq=LABEL, or stand in assets/ beside it",
        )
    return jobs


def article_jobs(data: bytes, file: str, salt: int = 0) -> list[WitnessJob]:
    """The witness blocks of an article, each with the display that carries its label.

    A label that the article does not show gives an empty formula, so that such a witness stays unlinked.
    """
    page = articles.read(data, file)
    displays = {label: f.tex for f in page.formulas if f.kind == "display" for label in f.labels}
    jobs = []
    for code in page.codes:
        mark = INFO.match(f"{code.language} {code.info}".strip())
        if mark:
            eq = mark.group(1) or ""
            label = _shown_as(eq, displays)
            tex = labelled(displays[label], label) if label else ""
            jobs.append(WitnessJob(code.text, eq, tex, file, salt))
    return jobs


def _shown_as(eq: str, displays: Mapping[str, str]) -> str:
    """The label as the article has it: a merge puts the region's name before the label that was written."""
    if eq in displays:
        return eq
    ends = [label for label in displays if eq and re.search(rf"[:./-]{re.escape(eq)}$", label)]
    return ends[0] if len(ends) == 1 else ""
