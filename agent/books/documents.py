"""``plan import``: from hand-kept documents to ``plan.toml``.

What documents ask for goes into the plan; what they say has been done is a claim and goes into the report of
the import only. Nothing is guessed: an article that no file answers to is listed with near misses, and where
documents contradict each other the newest counts and all are listed.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.books.claims import Document, Mention
from agent.books.grouping import Cluster, clusters
from agent.books.matching import Shelf, shelf_for
from agent.books.planfile import merge, read_text
from agent.books.reading import read_all
from agent.errors import UsageError
from agent.workspace import Workspace, hold, write_json, write_text

USUAL = ("PROGRESS_REPORT.md", "TODO.md", "blog_list.txt")
"""Documents that are read where none is named."""
BASE = "plan-import.json"
"""What the last import produced, below the outputs: it tells a person's edits from our own lines."""

Table = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """One statement, where it stands, and its date."""

    file: str
    line: int
    text: str
    date: str = ""


@dataclass(frozen=True, slots=True)
class Matched:
    sub: str
    file: str
    title: str
    source: Source


@dataclass(frozen=True, slots=True)
class Unmatched:
    sub: str
    title: str
    reason: str
    near: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Conflict:
    subject: str
    """What the documents disagree about, such as ``9C targets``."""
    chosen: str
    """What went into the plan."""
    sources: tuple[Source, ...]
    """Every statement, the chosen one first."""


@dataclass(frozen=True, slots=True)
class MarkClaim:
    """A document says an article is done or open. It is never taken for its status."""

    slug: str
    """Empty where no file answers to it."""
    title: str
    claim: str
    """done or open."""
    source: Source


@dataclass(frozen=True, slots=True)
class ImportReport:
    documents: tuple[str, ...]
    matched: tuple[Matched, ...]
    unmatched: tuple[Unmatched, ...]
    conflicts: tuple[Conflict, ...]
    claims: tuple[MarkClaim, ...]
    added: tuple[str, ...]
    """What this import wrote into the plan."""
    kept: tuple[str, ...]
    """Where a person's edit was kept against the documents."""
    changed: bool
    plan: str
    """The plan's text after the import."""


def import_plan(ws: Workspace, files: Sequence[Path] = (), *, write: bool = True) -> ImportReport:
    """Read documents and merge what they ask for into the plan.

    ``files`` may lie anywhere; without any, the usual ones of the workspace are read. ``write=False`` only
    tells what would be done. Raises UsageError for a document that is not there or a workspace without any,
    NotUtf8, ConfigError for a plan that cannot be read and without a folder of articles.
    """
    chosen = list(files) or [p for name in USUAL if (p := ws.root / name).is_file()]
    if not chosen:
        raise UsageError("no document to import", hint=f"name one, or put {', '.join(USUAL)} into {ws.root}")
    documents = read_all(chosen, ws.root)
    ws.articles_for("documents are matched with articles")
    ws.plan()
    path = ws.inside(ws.config.paths.plan)
    with hold(ws.locks, "plan", wait=10.0):
        old = read_text(path)
        base = _load_base(ws)
        shelf = shelf_for(ws, documents)
        found = clusters(documents)
        wanted = _Wanted(shelf, found, _known_ids(found, shelf, tomllib.loads(old), base))
        merged = merge(old, wanted.tables, base)
        if write and merged.text != old:
            write_text(path, merged.text)
        if write:
            write_json(ws.outputs / BASE, {"batch": wanted.tables})
    return ImportReport(
        tuple(d.name for d in documents), tuple(wanted.matched), tuple(wanted.unmatched),
        tuple(wanted.conflicts), tuple(_marks(documents, shelf)), merged.added, merged.kept,
        merged.text != old, merged.text,
    )  # fmt: skip


def _load_base(ws: Workspace) -> list[Table]:
    try:
        return list(json.loads((ws.outputs / BASE).read_bytes())["batch"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


class _Wanted:
    """The plan that the documents ask for, with what was noticed while it was made."""

    def __init__(self, shelf: Shelf, found: Sequence[Cluster], ids: Sequence[str]) -> None:
        self.shelf = shelf
        self.found = found
        self.tables: list[Table] = []
        self.matched: list[Matched] = []
        self.unmatched: list[Unmatched] = []
        self.conflicts: list[Conflict] = []
        self.homes: dict[str, Matched] = {}
        for cluster, id in zip(found, ids, strict=True):
            batch = self._batch(cluster.batch)
            if cluster.sub:
                batch["sub"].append(self._sub(cluster, id))
            else:
                self._own(batch, cluster, id)
        self._twice(ids)

    def _batch(self, id: str) -> Table:
        batch = next((b for b in self.tables if b["id"] == id), None)
        if batch is None:
            batch = {"id": id, "sub": []}
            self.tables.append(batch)
        return batch

    def _own(self, batch: Table, cluster: Cluster, id: str) -> None:
        """A batch as a whole; the articles it names directly become its one sub-batch."""
        if cluster.topic:
            batch["title"] = cluster.topic
        targets = self._targets(cluster, f"batch {cluster.batch}")
        if targets:
            batch["targets"] = targets
        if cluster.mentions:
            sub: Table = {"id": id, "item": self._items(cluster, id)}
            if cluster.topic:
                sub["title"] = cluster.topic
            batch["sub"].append(sub)

    def _sub(self, cluster: Cluster, id: str) -> Table:
        sub: Table = {"id": id}
        if cluster.topic:
            sub["title"] = cluster.topic
        targets = self._targets(cluster, id)
        if targets:
            sub["targets"] = targets
        sub["item"] = self._items(cluster, id)
        return sub

    def _targets(self, cluster: Cluster, name: str) -> Table:
        claims = cluster.targets
        if not claims:
            return {}
        newest = claims[0][1]
        above = [c for o in self.found if o.batch == cluster.batch and not o.sub for c in o.targets]
        if cluster.sub:
            claims = (*claims, *above)
        if len({(c.lines, c.formulas) for _, c in claims}) > 1:
            sources = tuple(Source(c.place.document, c.place.line, c.text, date) for date, c in claims)
            chosen = _asked(newest.lines, newest.formulas)
            self.conflicts.append(Conflict(f"{name} targets", chosen, sources))
        pairs = (("lines", newest.lines), ("formulas", newest.formulas))
        return {name: value for name, value in pairs if value is not None}

    def _items(self, cluster: Cluster, id: str) -> list[Table]:
        items: dict[str, Table] = {}
        unmatched: dict[str, Unmatched] = {}
        for group in cluster.groups:
            for mention in group.mentions:
                source = Source(mention.place.document, mention.place.line, mention.title, group.date)
                found = self.shelf.find(mention)
                if not found.slug:
                    entry = Unmatched(id, mention.title, found.reason, found.near, source)
                    unmatched.setdefault(mention.file or mention.title, entry)
                    continue
                name = self.shelf.names[found.slug]
                if found.slug in items:
                    # An older section may say what the newest leaves out.
                    if mention.focus:
                        items[found.slug].setdefault("focus", list(mention.focus))
                    continue
                match = Matched(id, name, mention.title, source)
                if found.slug in self.homes:
                    self._second_home(match)
                    continue
                self.homes[found.slug] = match
                self.matched.append(match)
                items[found.slug] = {"file": name, "title": mention.title}
                if mention.focus:
                    items[found.slug]["focus"] = list(mention.focus)
        self.unmatched.extend(unmatched.values())
        return list(items.values())

    def _second_home(self, match: Matched) -> None:
        first = self.homes[self.shelf.by_path(match.file)]
        if first.sub != match.sub:
            self.conflicts.append(
                Conflict(f"{match.file} stands in two sub-batches", first.sub, (first.source, match.source))
            )

    def _twice(self, ids: Sequence[str]) -> None:
        """List sub-batches that share a letter and nothing else."""
        named: dict[tuple[str, str], list[tuple[str, Cluster]]] = {}
        for cluster, id in zip(self.found, ids, strict=True):
            if cluster.sub:
                named.setdefault((cluster.batch, cluster.sub), []).append((id, cluster))
        for (batch, sub), rivals in named.items():
            if len(rivals) > 1:
                first = [(id, c, min(c.groups, key=lambda g: (g.table, g.date))) for id, c in rivals]
                sources = tuple(
                    Source(g.place.document, g.place.line, f"{id}: {c.topic}", g.date) for id, c, g in first
                )
                chosen = "kept as " + ", ".join(id for id, _, _ in first)
                self.conflicts.append(Conflict(f"{batch}{sub} is {len(rivals)} sub-batches", chosen, sources))


def _asked(lines: int | None, formulas: int | None) -> str:
    parts = [f"{n}+ {unit}" for n, unit in ((lines, "lines"), (formulas, "formulas")) if n is not None]
    return ", ".join(parts)


def _known_ids(found: Sequence[Cluster], shelf: Shelf, plan: Table, base: list[Table]) -> list[str]:
    """An ID for every cluster: the one it had in the last import, or the one a person gave it since, else the
    batch and the letter, with a number where that is taken. Empty for a batch without articles of its own."""
    before, now = _subs(base), _subs(plan.get("batch", []))
    ids: list[str] = []
    for cluster in found:
        files = {shelf.names[s] for m in cluster.mentions if (s := shelf.find(m).slug)}
        name = f"{cluster.batch}{cluster.sub or 'A'}"
        id = _closest(before, files, name, cluster.topic)
        if id and id not in now:
            # It is gone from the plan: deleted, or renamed if its articles stand under an ID we never gave.
            given = {k: v for k, v in now.items() if k not in before}
            id = max(given, key=lambda k: len(files & _files(given[k])), default="")
            id = id if id and files & _files(given[id]) else _closest(before, files, name, cluster.topic)
        id = id or _closest(now, files, name, cluster.topic)
        ids.append("" if id in ids else id)
    for index, cluster in enumerate(found):
        if not cluster.sub and not cluster.mentions:
            continue
        name = f"{cluster.batch}{cluster.sub or 'A'}"
        free = (f"{name}-{n}" if n > 1 else name for n in range(1, len(found) + 2))
        ids[index] = ids[index] or next(i for i in free if i not in ids)
    return ids


def _closest(subs: dict[str, Table], files: set[str], name: str, topic: str) -> str:
    """The sub-batch of this batch and letter with most of ``files``, or with the same title."""
    ours = {k: v for k, v in subs.items() if k == name or k.startswith(f"{name}-")}
    best = max(ours, key=lambda k: len(files & _files(ours[k])), default="")
    if best and files & _files(ours[best]):
        return best
    return next((k for k, v in ours.items() if topic and v.get("title") == topic), "")


def _subs(batches: Iterable[Table]) -> dict[str, Table]:
    return {s["id"]: s for b in batches for s in b.get("sub", [])}


def _files(sub: Table) -> set[str]:
    return {i["file"] for i in sub.get("item", [])}


def _marks(documents: Iterable[Document], shelf: Shelf) -> Iterable[MarkClaim]:
    for document in documents:
        for group in document.groups:
            for mention in group.mentions:
                if mention.mark:
                    yield _mark(mention, group.date, shelf)
        for entry in document.entries:
            if entry.status == "completed":
                source = Source(entry.place.document, entry.place.line, entry.status)
                yield MarkClaim(shelf.by_path(entry.path), entry.title, "done", source)


def _mark(mention: Mention, date: str, shelf: Shelf) -> MarkClaim:
    source = Source(mention.place.document, mention.place.line, mention.mark_text or mention.title, date)
    return MarkClaim(shelf.find(mention).slug, mention.title, mention.mark, source)
