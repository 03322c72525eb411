"""``adopt``: put on record what was expanded by hand, as measured against its original."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from agent import article as articles
from agent import measure
from agent.article import Article
from agent.books.index import Entry, look_at
from agent.books.originals import Original, grew, originals
from agent.books.originals import original as find_original
from agent.books.status import finished_by_hand
from agent.errors import Locked, UsageError
from agent.plan import targets_for
from agent.records import Measure, Targets
from agent.workspace import State, Workspace, derive, git, hold, slug_of

CORE = 12
"""Headings kept as the core content of an article."""

_UNREADABLE = "cannot be read"


@dataclass(frozen=True, slots=True)
class TargetRow:
    name: str
    wanted: int
    got: int
    met: bool


@dataclass(frozen=True, slots=True)
class AdoptRow:
    slug: str
    title: str
    file: str
    sub: str
    reason: str
    """grown: it grew in git history; completed: front matter says so and the stub is gone; otherwise why it was
    passed over."""
    recorded: bool
    """An event was written just now."""
    known: bool = False
    """It had been recorded before, exactly as it is."""
    before: Measure | None = None
    """None where history holds no original."""
    after: Measure | None = None
    targets: tuple[TargetRow, ...] = ()
    met: bool = False
    original: str = ""
    """``commit:path`` of the original."""
    original_sha256: str = ""
    sha256: str = ""
    """Of the file as it was measured."""
    core: tuple[str, ...] = ()
    """Headings that the original does not have."""


@dataclass(frozen=True, slots=True)
class AdoptReport:
    rows: tuple[AdoptRow, ...]
    """What was adopted, now or earlier; with FILE… also what could not be."""
    history: bool
    """False where there is no git history to look in."""


def adopt(ws: Workspace, files: Sequence[Path] = (), *, write: bool = True) -> AdoptReport:
    """Record every article that was expanded by hand, or those of ``files`` that were.

    An article this program has drafted or merged is never touched, and nothing is recorded twice unless the
    file has changed since. ``write=False`` only looks. Raises UsageError for a file that is no article of the
    workspace, or that cannot be measured although it was named.
    """
    paths = _named(ws, files) if files else list(ws.slugs().values())
    places = {place.item.slug: place for place in reversed(tuple(ws.plan().places()))}
    states = derive(ws.events.read())
    seen = look_at(ws, paths)
    tracked = git.tracked(ws.root)
    found = _originals(ws, seen) if tracked else {}
    rows = []
    for path, entry in seen.items():
        slug = slug_of(path)
        file, state, place = ws.named(path), states.get(slug, State()), places.get(slug)
        row = AdoptRow(slug, entry.title or slug, file, place.sub.id if place else "", "", False)
        why = _why_not(entry, state, found.get(path))
        if why:
            rows.append(replace(row, reason=why))
            continue
        row = _measured(row, path, entry, state, found.get(path), targets_for(place, ws.config.targets))
        if write and not row.known:
            row = _record(ws, row, path)
        rows.append(row)
    return AdoptReport(
        tuple(r for r in rows if files or r.after or r.reason.startswith(_UNREADABLE)), tracked
    )


def _named(ws: Workspace, files: Sequence[Path]) -> list[Path]:
    """The articles that were named, by path or by slug."""
    slugs = ws.slugs()
    known = {p.resolve(): p for p in slugs.values()}
    paths = []
    for file in files:
        path = known.get(file.resolve()) or known.get((ws.root / file).resolve()) or slugs.get(str(file))
        if path is None:
            raise UsageError(
                f"{file} is no article of this workspace",
                hint=f"name a Markdown file below {ws.config.paths.articles}/",
            )
        paths.append(path)
    return list(dict.fromkeys(paths))


def _originals(ws: Workspace, seen: Mapping[Path, Entry]) -> dict[Path, Original]:
    names = {ws.named(p): p for p, e in seen.items() if not e.error}
    return {names[n]: o for n, o in originals(ws.root, ws.config.paths.articles, names).items()}


def _why_not(entry: Entry, state: State, original: Original | None) -> str:
    """Why an article is not to be adopted; empty where it is."""
    if entry.error:
        return f"{_UNREADABLE}: {entry.error}"
    if entry.regions or state.status in ("draft", "accepted", "merged"):
        return f"this program expanded it ({state.status})"
    if _grown(entry, original) or finished_by_hand(entry):
        return ""
    if entry.stub:
        return "not expanded: the stub is still there and it did not grow"
    return "not expanded: it did not grow in git history and is not marked completed"


def _grown(entry: Entry, original: Original | None) -> bool:
    return original is not None and grew(original.data.count(b"\n"), entry.lines)


def _measured(
    row: AdoptRow, path: Path, entry: Entry, state: State, original: Original | None, wanted: Targets
) -> AdoptRow:
    now = articles.read(path.read_bytes(), row.file)
    after, before, core = measure.measure(now), None, _core(now, None)
    if original is not None:
        then = articles.read(original.data, original.path)
        before, core = measure.measure(then), _core(now, then)
    targets: tuple[TargetRow, ...] = ()
    if before is not None or not wanted.added:
        results = measure.meets(wanted, before or Measure(), after)
        targets = tuple(TargetRow(t.name, t.wanted, t.got, t.met) for t in results)
    sha256 = hashlib.sha256(original.data).hexdigest() if original else ""
    held = state.data if state.status == "by-hand" else {}
    return replace(
        row, reason="grown" if _grown(entry, original) else "completed", before=before, after=after,
        targets=targets, met=bool(targets) and all(t.met for t in targets), core=core,
        sha256=hashlib.sha256(now.data).hexdigest(), original_sha256=sha256,
        original=f"{original.commit}:{original.path}" if original else "",
        known=(held.get("sha256"), held.get("original_sha256")) == (entry.sha256, sha256),
    )  # fmt: skip


def _core(now: Article, then: Article | None) -> tuple[str, ...]:
    """Headings of the upper levels that the original does not have: what the expansion is about."""
    known = {h.text for h in then.headings} if then else set()
    new = (h.text for h in now.headings if h.level in (2, 3) and h.text and h.text not in known)
    return tuple(dict.fromkeys(new))[:CORE]


def _record(ws: Workspace, row: AdoptRow, path: Path) -> AdoptRow:
    """Write the event, unless another process is at work on the article or it has changed under our eyes."""
    try:
        with hold(ws.locks, row.slug):
            if hashlib.sha256(path.read_bytes()).hexdigest() != row.sha256:
                return replace(row, reason="it changed while it was measured; adopt it again")
            data = {
                "title": row.title, "reason": row.reason, "sha256": row.sha256,
                "original": row.original, "original_sha256": row.original_sha256,
                "before": asdict(row.before) if row.before else None,
                "after": asdict(row.after) if row.after else None,
                "targets": [asdict(t) for t in row.targets], "core": list(row.core),
            }  # fmt: skip
            ws.events.append("adopted", row.slug, **data)
    except Locked as error:
        return replace(row, reason=str(error))
    return replace(row, recorded=True)


def original_in_git(path: Path) -> bytes | None:
    """The bytes a file had before it was expanded, None where its history holds no such version.

    Raises UsageError when the file cannot be read or does not lie in a git repository.
    """
    found = find_original(path)
    return found.data if found else None
