"""What is written down before an article changes, so that any crash can be finished or taken back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.workspace import Workspace, derive, remove, write_bytes, write_json
from agent.workspace.state import State

FOLDER = "merges"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Journal:
    """One merge: `outputs/<slug>/merges/<number>/` with the old article, old figures and this plan."""

    folder: Path
    number: int
    plan: Mapping[str, Any]
    """`before`, `after` (sha256 of the article), `figures` (source → target, below the workspace), `had` (targets
    that were there), `previous` (data of the merge that stood before), `event` (data of the merge's event)."""

    @property
    def before(self) -> bytes:
        return (self.folder / "before.md").read_bytes()


def start(
    ws: Workspace, slug: str, old: bytes, new: bytes, figures: Mapping[str, str], previous: Any, event: Any
) -> Journal:
    """Write the plan down. The article is untouched until this returns."""
    number = max((j.number for j in journals(ws, slug)), default=0) + 1
    folder = ws.output(slug) / FOLDER / str(number)
    had = [t for t in figures.values() if ws.inside(t).is_file()]
    write_bytes(folder / "before.md", old)
    for target in had:
        write_bytes(folder / "figures" / Path(target).name, ws.inside(target).read_bytes())
    plan = {
        "before": sha256(old),
        "after": sha256(new),
        "figures": dict(figures),
        "had": had,
        "previous": previous,
        "event": {**event, "merge": number},
    }
    # Last: a folder without this file is no merge.
    write_json(folder / "journal.json", plan)
    return Journal(folder, number, plan)


def journals(ws: Workspace, slug: str) -> list[Journal]:
    found = []
    for path in (ws.output(slug) / FOLDER).glob("*/journal.json"):
        if path.parent.name.isdigit():
            plan = json.loads(path.read_text(encoding="utf-8"))
            found.append(Journal(path.parent, int(path.parent.name), plan))
    return sorted(found, key=lambda j: j.number)


def copy_figures(ws: Workspace, journal: Journal) -> None:
    for source, target in journal.plan["figures"].items():
        write_bytes(ws.inside(target), ws.inside(source).read_bytes())


def take_back_figures(ws: Workspace, journal: Journal) -> None:
    """Figures as they were before a merge; ones that only it brought are removed."""
    for target in journal.plan["figures"].values():
        if target in journal.plan["had"]:
            write_bytes(ws.inside(target), (journal.folder / "figures" / Path(target).name).read_bytes())
        else:
            remove(ws.inside(target))


def recover(ws: Workspace, slug: str, path: Path) -> str:
    """Finish what a crash cut off; gives what was done, in words, or nothing. Call under the article's lock."""
    found = journals(ws, slug)
    if not found or not path.is_file():
        return ""
    events = [e for e in ws.events.read() if e.slug == slug]
    state = derive(events).get(slug, State())
    last, present = found[-1], sha256(path.read_bytes())
    logged = {e.data.get("merge") for e in events if e.kind == "merged"}
    undone = {e.data.get("merge") for e in events if e.kind == "undone"}
    if last.number not in logged:
        return _finish_merge(ws, slug, last, present)
    standing = state.merged.get("merge")
    if standing is not None and standing not in undone:
        journal = next((j for j in found if j.number == standing), None)
        if journal and present == journal.plan["before"] != journal.plan["after"]:
            finish_undo(ws, slug, journal)
            return "an undo that was cut off is finished"
    return ""


def _finish_merge(ws: Workspace, slug: str, journal: Journal, present: str) -> str:
    if present == journal.plan["after"]:
        copy_figures(ws, journal)
        ws.events.append("merged", slug, **journal.plan["event"])
        return "a merge that was cut off is finished"
    if present == journal.plan["before"]:
        take_back_figures(ws, journal)
        remove(journal.folder / "journal.json")
        return "a merge that was cut off before it changed the article is taken back"
    return ""


def finish_undo(ws: Workspace, slug: str, journal: Journal) -> None:
    take_back_figures(ws, journal)
    ws.events.append("undone", slug, merge=journal.number, merged=journal.plan["previous"])


def of_merge(ws: Workspace, slug: str, merged: Mapping[str, Any]) -> Journal | None:
    return next((j for j in journals(ws, slug) if j.number == merged.get("merge")), None)


def figures_of(ws: Workspace, slug: str, beside: Path, data: bytes) -> dict[str, str]:
    """Figures that an article links: where they lie → where they go, both below the workspace."""
    folder = ws.output(slug) / "assets" / slug
    names: Sequence[Path] = sorted(folder.glob("*")) if folder.is_dir() else []
    linked = [p for p in names if f"assets/{slug}/{p.name}".encode() in data]
    root = ws.root
    return {
        p.relative_to(root).as_posix(): (beside / "assets" / slug / p.name).relative_to(root).as_posix()
        for p in linked
    }
