"""Freezing everything that an article's run depends on, before its first call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agent.article import read, refuse_markers, strip
from agent.checks.page import Work
from agent.errors import NothingToExpand, UsageError
from agent.lab import Limits
from agent.pipeline.inputs import frozen_inputs
from agent.pipeline.job import Job
from agent.pipeline.material import Material
from agent.pipeline.models import Models
from agent.pipeline.outputs import load_sections
from agent.pipeline.redo import Redo, StoredOnly
from agent.pipeline.resources import Resources
from agent.plan import standard_for, targets_for
from agent.prompts import open_library
from agent.review.versions import version
from agent.sources import Resolver
from agent.workspace import State, Workspace


def prepare(resources: Resources, slug: str, path: Path, data: bytes, state: State, models: Models) -> Job:
    """The job of an article. Raises NothingToExpand for one without text."""
    ws = resources.ws
    place = ws.plan().find(slug)
    folder = ws.output(slug)
    article = read(data, path.name)
    if not any(b.kind in ("paragraph", "display", "list") for b in article.blocks):
        raise NothingToExpand(f"{path.name}: nothing to expand", hint="the article holds no text")
    inputs = frozen_inputs(ws, folder, article, state)
    wishes = [*(place.item.focus if place else ()), *(note for section, note in state.notes if not section)]
    return Job(
        material=Material(slug, article),
        library=open_library(ws.prompts),
        client=resources.client(models.by_role),
        config=ws.config,
        targets=targets_for(place, ws.config.targets),
        standard=standard_for(place, ws.config.standard),
        focus="\n".join(f"- {w}" for w in wishes),
        series=inputs.series,
        citations=inputs.citations,
        works=tuple(Work(**{**w, "authors": tuple(w["authors"])}) for w in inputs.works),
        resolver=resolver_of(ws),
        confirmed=folder / "sources.json",
        redos=redos_of(folder, state),
        edits={s: version(folder, s, n).text for s, n in state.edits.items()},
        retry=dict(state.retry),
        sandbox=resources.sandbox,
        workshop=resources.workshop,
        limits=limits_of(ws),
        lab_cache=ws.outputs / ".cache" / "experiments",
        watch=resources.watch.progress,
        price=resources.price,
    )


def only_redo(resources: Resources, job: Job, models: Models, live: Models) -> Job:
    """The job of a redo: what is written again is asked for, everything else stands in the ledger."""
    kept = {id(m): StoredOnly(m) for m in models.by_role.values()}
    stored = {role: kept[id(m)] for role, m in models.by_role.items()}
    return replace(job, client=resources.client(stored), live=resources.client(live.by_role))


def redos_of(folder: Path, state: State) -> dict[str, Redo]:
    """What a person sent back. A section that was edited by hand afterwards keeps its edit."""
    return {
        section: Redo(
            number=state.redos[section],
            note="\n".join(note for s, note in state.notes if s == section and note),
            old=version(folder, section, kept).text if kept else "",
        )
        for section, kept in state.returned.items()
    }


def section_texts(folder: Path) -> dict[str, str]:
    """Section → its text on disk."""
    return {s.id: s.text for s in load_sections(folder)}


def source_of(path: Path, state: State, draft: Path | None = None) -> bytes:
    """The author's bytes: the file, or what is left of it without the regions that were merged into it. A redo
    works on those of its ``draft``: what the author changed since is the merge's business."""
    if draft is not None and draft.is_file():
        return strip(draft.read_bytes())
    data = read_source_file(path)
    if state.merged:
        return strip(data)
    refuse_markers(data, path.name)
    return data


def resolver_of(ws: Workspace) -> Resolver | None:
    """Who is asked about works that are to be cited; nobody unless the settings allow it."""
    if not ws.config.sources.online:
        return None
    return Resolver(ws.outputs / ".cache" / "sources.json", ws.config.sources.email)


def limits_of(ws: Workspace) -> Limits:
    lab = ws.config.lab
    mib = 1 << 20
    return Limits(
        wall=float(lab.seconds),
        memory=lab.memory_mb * mib,
        processes=lab.processes,
        file_size=lab.file_mb * mib,
        output=lab.output_kb * 1024,
    )


def read_source_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", hint="check the name and your permission to read it"
        ) from None
