"""Freezing everything that an article's run depends on, before its first call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from agent.article import Article, read, refuse_markers, strip
from agent.checks.page import Work
from agent.config import StandardConfig
from agent.errors import NothingToExpand, UsageError
from agent.lab import Limits, Sandbox
from agent.llm import Price
from agent.pipeline.citations import Bibliography
from agent.pipeline.inputs import Inputs, frozen_inputs
from agent.pipeline.job import Asker, Job
from agent.pipeline.material import Material
from agent.pipeline.outputs import load_sections
from agent.pipeline.redo import Redo
from agent.pipeline.shelf import Shelf
from agent.pipeline.watch import Watch
from agent.pipeline.workshop import Workshop
from agent.plan import standard_for, targets_for
from agent.prompts import open_library
from agent.records import Targets
from agent.review.versions import version
from agent.workspace import State, Workspace


@dataclass(frozen=True, slots=True)
class Frozen:
    """All that an article's run depends on beyond settings, prompts and replies, as it stood when it was picked."""

    slug: str
    path: str
    """Of the source, below the workspace."""
    data: bytes
    targets: Targets
    standard: StandardConfig
    inputs: Inputs
    focus: str
    retry: Mapping[str, int]
    redos: Mapping[str, Redo]
    edits: Mapping[str, str]


class Means(Protocol):
    """What writing an article takes of the machine it is written on."""

    @property
    def ws(self) -> Workspace: ...
    @property
    def watch(self) -> Watch: ...
    @property
    def price(self) -> Price: ...
    @property
    def sandbox(self) -> Sandbox | None: ...
    @property
    def workshop(self) -> Workshop: ...
    @property
    def shelf(self) -> Shelf: ...
    def bibliography(self, slug: str) -> Bibliography: ...


def freeze(ws: Workspace, slug: str, path: Path, data: bytes, state: State) -> Frozen:
    """Freeze the inputs of a run. Raises NothingToExpand for an article without text, NotUtf8."""
    article = readable(path.name, data)
    folder = ws.output(slug)
    place = ws.plan().find(slug)
    wishes = [*(place.item.focus if place else ()), *(note for section, note in state.notes if not section)]
    return Frozen(
        slug=slug,
        path=path.relative_to(ws.root).as_posix(),
        data=data,
        targets=targets_for(place, ws.config.targets),
        standard=standard_for(place, ws.config.standard),
        inputs=frozen_inputs(ws, folder, article, state),
        focus="\n".join(f"- {w}" for w in wishes),
        retry=dict(state.retry),
        redos=redos_of(folder, state),
        edits={s: version(folder, s, n).text for s, n in state.edits.items()},
    )


def prepare(means: Means, frozen: Frozen, client: Asker, live: Asker | None = None) -> Job:
    """The job of an article. ``client`` answers its calls, ``live`` those of what was sent back."""
    ws, slug = means.ws, frozen.slug
    return Job(
        material=Material(slug, read(frozen.data, PurePosixPath(frozen.path).name)),
        library=open_library(ws.prompts),
        client=client,
        live=live,
        config=ws.config,
        targets=frozen.targets,
        standard=frozen.standard,
        focus=frozen.focus,
        series=frozen.inputs.series,
        citations=frozen.inputs.citations,
        works=tuple(Work(**{**w, "authors": tuple(w["authors"])}) for w in frozen.inputs.works),
        bibliography=means.bibliography(slug),
        redos=frozen.redos,
        edits=frozen.edits,
        retry=frozen.retry,
        sandbox=means.sandbox,
        workshop=means.workshop,
        limits=limits_of(ws),
        shelf=means.shelf,
        watch=means.watch.progress,
        price=means.price,
    )


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


def readable(name: str, data: bytes) -> Article:
    """The article, read. Raises NothingToExpand for one without text, NotUtf8."""
    article = read(data, name)
    if not any(b.kind in ("paragraph", "display", "list") for b in article.blocks):
        raise NothingToExpand(f"{name}: nothing to expand", hint="the article holds no text")
    return article


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
