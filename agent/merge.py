"""Merging accepted sections into an article, and undoing it. The only writer of articles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agent.article import read
from agent.errors import SourceChanged, UsageError
from agent.measure import added, measure
from agent.pipeline.assemble import Section, assemble
from agent.pipeline.outputs import load_sections
from agent.workspace import State, Workspace, derive, hold, remove, write_bytes, write_json

MERGED = "completed"
JOURNAL = "merge.json"
BEFORE = "before.md"


@dataclass(frozen=True, slots=True)
class Merged:
    slug: str
    file: str
    sections: tuple[str, ...]
    left_out: tuple[str, ...]
    """Sections that were rejected or are undecided."""
    before: dict[str, Any]
    after: dict[str, Any]
    figures: tuple[str, ...]


class DanglingReference(UsageError):
    """A section that is merged refers to one that is left out."""

    exit_code = 1


def merge(ws: Workspace, slug: str) -> Merged:
    """Write the accepted sections of a draft into their article, atomically; where no section was decided yet,
    the person who merges takes the draft as a whole. Raises UsageError without a draft or
    accepted sections, DanglingReference (exit 1, nothing written) for a reference into a section left out, and
    SourceChanged when the article is not the one the draft was made from.
    """
    with hold(ws.locks, slug):
        state = derive(ws.events.read()).get(slug, State())
        if state.status not in ("draft", "accepted"):
            raise UsageError(
                f"{slug} has no draft to merge (it is {state.status})", hint=f"expand run {slug}"
            )
        folder = ws.output(slug)
        path = ws.slugs().get(slug)
        if path is None:
            raise UsageError(
                f"no article {slug} in {ws.config.paths.articles}/", hint="expand status lists them"
            )
        source = path.read_bytes()
        if hashlib.sha256(source).hexdigest() != state.sha256:
            raise SourceChanged(
                f"{path.relative_to(ws.root)} is not the file the draft was made from",
                hint=f"bring the change back, or expand it anew: expand run {slug}",
            )
        sections = load_sections(folder)
        chosen = accepted(sections, state)
        made = assemble(source, path.name, chosen, status=MERGED)
        if made.dangling:
            where, label = made.dangling[0]
            owner = next((s.id for s in sections if f"\\label{{{label}}}" in s.text), "a section left out")
            raise DanglingReference(
                f"{where} refers to {label}, which stands in {owner}",
                hint=f"accept {owner} too, or redo {where}",
            )
        figures = copy_figures(ws, slug, path.parent, made.data)
        # The old bytes are on disk before the new ones are: undo works after a crash at any point.
        write_bytes(folder / BEFORE, source)
        write_bytes(path, made.data)
        before, after = measure(read(source, path.name)), measure(read(made.data, path.name))
        ids = tuple(s.id for s in chosen)
        event = {
            "sections": ids,
            "sha256_before": hashlib.sha256(source).hexdigest(),
            "sha256_after": hashlib.sha256(made.data).hexdigest(),
            "before": asdict(before),
            "after": asdict(after),
            "added": asdict(added(before, after)),
            "figures": figures,
            **{key: state.data.get(key) for key in ("targets", "core", "verdict")},
        }
        write_json(folder / JOURNAL, {"figures": figures, "sha256_after": event["sha256_after"]})
        ws.events.append("merged", slug, **event)
        left = tuple(s.id for s in sections if s.id not in ids)
        return Merged(
            slug, path.relative_to(ws.root).as_posix(), ids, left, asdict(before), asdict(after), figures
        )


def accepted(sections: Sequence[Section], state: State) -> list[Section]:
    """The sections a merge takes: those accepted; all of them where none was decided."""
    if not sections:
        raise UsageError(
            "the draft holds no section, so there is nothing to merge",
            hint="the report says why each part is unfinished; try again, or with another model",
        )
    if not state.sections:
        return list(sections)
    chosen = [s for s in sections if state.sections.get(s.id) == "accepted" or _follows(s, state)]
    if not any(state.sections.get(s.id) == "accepted" for s in chosen):
        undecided = [s.id for s in sections if s.id not in state.sections]
        raise UsageError(
            f"no section is accepted; undecided: {', '.join(undecided) or 'none'}",
            hint="accept some first: expand accept SLUG SECTION…",
        )
    return chosen


def _follows(section: Section, state: State) -> bool:
    """The index is made by the program and goes with whatever is merged."""
    return section.id == "index" and "index" not in state.sections


def copy_figures(ws: Workspace, slug: str, beside: Any, data: bytes) -> tuple[str, ...]:
    """Copy the figures the merged text links beside the article; gives their paths below the workspace."""
    copied = []
    folder = ws.output(slug) / "assets" / slug
    for figure in sorted(folder.glob("*")) if folder.is_dir() else []:
        if f"assets/{slug}/{figure.name}".encode() in data:
            target = beside / "assets" / slug / figure.name
            write_bytes(target, figure.read_bytes())
            copied.append(target.relative_to(ws.root).as_posix())
    return tuple(copied)


def undo(ws: Workspace, slug: str) -> str:
    """Put the bytes from before the last merge back. Raises SourceChanged when the article was edited since."""
    with hold(ws.locks, slug):
        state = derive(ws.events.read()).get(slug, State())
        folder = ws.output(slug)
        if state.status != "merged" or not (folder / BEFORE).is_file():
            raise UsageError(
                f"{slug} was not merged by this workspace", hint="git restore brings back a committed file"
            )
        path = ws.slugs()[slug]
        journal = json.loads((folder / JOURNAL).read_text(encoding="utf-8"))
        if hashlib.sha256(path.read_bytes()).hexdigest() != journal["sha256_after"]:
            raise SourceChanged(
                f"{path.relative_to(ws.root)} was edited after the merge",
                hint=f"expand strip {path.relative_to(ws.root)} shows the author's text as it is now",
            )
        write_bytes(path, (folder / BEFORE).read_bytes())
        for figure in journal["figures"]:
            remove(ws.inside(figure))
        ws.events.append("undone", slug)
        return path.relative_to(ws.root).as_posix()
