"""Witnesses that stand beside a draft or a merged article, each with the formula as it is displayed there: what a
badge says can be run again from the files alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from agent.article import read
from agent.lab.inside.tex.steps import labelled
from agent.lab.witness import WitnessJob, article_jobs
from agent.lab.witness.files import jobs_of
from agent.pipeline.badges import witness_file


def witness_jobs(path: Path) -> list[WitnessJob]:
    """The witnesses of a file: of a page those in its text and those beside it, of a program that stands beside a page
    itself with its formula. Raises UsageError for a file that cannot be read, or a page without witnesses."""
    if path.suffix == ".md":
        found = beside(path)
        return [*article_jobs(path.read_bytes(), str(path)), *found] if found else jobs_of(path)
    jobs = jobs_of(path)
    for page in _pages(path):
        for job in beside(page):
            if _place(Path(job.file)) == _place(path):
                return [replace(job, code=jobs[0].code, file=str(path))]
    return jobs


def beside(page: Path) -> list[WitnessJob]:
    """The witnesses below ``assets/<slug>/`` beside a page, where badges link them. One whose formula the page does not
    show comes last, without it, and so stays unlinked."""
    slug = page.parent.name if page.name == "draft.md" else page.stem
    files = {path.name: path for path in sorted((page.parent / "assets" / slug).glob("witness-*.py"))}
    if not files or not page.is_file():
        return []
    jobs = []
    for display in read(page.read_bytes(), str(page)).displays:
        for label in display.labels:
            for written in _spellings(label):
                if path := files.pop(witness_file(written), None):
                    code = jobs_of(path)[0].code
                    jobs.append(WitnessJob(code, written, labelled(display.tex, label), str(path)))
    return [*jobs, *(replace(jobs_of(path)[0], tex="") for path in files.values())]


def _spellings(label: str) -> Iterator[str]:
    """A label as it was written, of which a draft makes one below its section's ID; the author's are as they are."""
    yield label.partition(":")[2]
    yield label


def _pages(program: Path) -> list[Path]:
    """The pages a witness may stand beside."""
    folder = program.absolute().parent
    if folder.name == "witnesses":
        return [folder.parent / "draft.md"]
    home = folder.parent.parent
    return [home / "draft.md", home / f"{folder.name}.md"] if folder.parent.name == "assets" else []


def _place(program: Path) -> str:
    """The name that a witness's two copies share: in `witnesses/`, and below `assets/` for the badge."""
    return program.name.removeprefix("witness-")
