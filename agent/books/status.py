"""Where every article of a workspace stands, from the event log, the plan and the files themselves.

Nothing here imports a model library or parses an article in full: this is what a person runs first and often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent.books.index import Entry, look_at
from agent.plan import Place, Plan, targets_for
from agent.records import Targets
from agent.workspace import State, Workspace, derive

STANDINGS = ("merged", "accepted", "draft", "failed", "pending", "by-hand", "missing")


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    """lines or formulas"""
    wanted: int
    got: int
    """Of the draft where there is one, else of the article's file."""
    met: bool


@dataclass(frozen=True, slots=True)
class ArticleStatus:
    slug: str
    title: str
    file: str
    """Path below the workspace."""
    sub: str
    """ID of its sub-batch, empty where no batch names it."""
    status: str
    """One of ``STANDINGS``: merged (= done), accepted, draft, failed, pending, by-hand, missing (no file)."""
    lines: int = 0
    """Newline-terminated lines of the article's file as it is now."""
    formulas: int = 0
    """Display blocks of the article's file as it is now."""
    draft_lines: int | None = None
    """Lines of the draft that waits for review, if one does."""
    draft_formulas: int | None = None
    targets: tuple[Target, ...] = ()
    met: bool = False
    """All targets are met."""
    recorded: bool = True
    """False: expanded by hand (front matter `completed`, stub gone), but not yet adopted."""
    changed: bool = False
    """The source is no longer the one its draft was made from."""
    failures: int = 0
    error: str = ""
    """What the last run failed with, or why the file cannot be read."""
    at: str = ""
    """When the status was set; empty for one that no event set."""


@dataclass(frozen=True, slots=True)
class Counts:
    total: int = 0
    done: int = 0
    """Merged."""
    accepted: int = 0
    drafts: int = 0
    pending: int = 0
    failed: int = 0
    by_hand: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class SubBatchStatus:
    id: str
    title: str
    counts: Counts
    articles: tuple[ArticleStatus, ...]


@dataclass(frozen=True, slots=True)
class BatchStatus:
    id: str
    title: str
    counts: Counts
    subs: tuple[SubBatchStatus, ...]


@dataclass(frozen=True, slots=True)
class Status:
    root: str
    counts: Counts
    """Every article once, in a batch or not."""
    lines: int
    """Lines of all articles' files."""
    formulas: int
    batches: tuple[BatchStatus, ...]
    unplanned: tuple[ArticleStatus, ...]
    """Articles no batch names."""

    def articles(self) -> Iterator[ArticleStatus]:
        """Every article once: those of the plan in its order, then the others."""
        seen: set[str] = set()
        for batch in self.batches:
            for sub in batch.subs:
                for article in sub.articles:
                    if article.slug not in seen:
                        seen.add(article.slug)
                        yield article
        yield from self.unplanned

    def find(self, slug: str) -> ArticleStatus | None:
        return next((a for a in self.articles() if a.slug == slug), None)


def status(ws: Workspace) -> Status:
    """Measure a workspace.

    Raises ConfigError and PathEscape for a plan that cannot be used, UsageError for an event log that cannot
    be read or two files that share a slug. A single unreadable article is no error; its ``error`` says what
    is wrong with it.
    """
    plan, files = ws.plan(), ws.slugs()
    states = derive(ws.events.read())
    planned = {place.item.slug: ws.article(place) for place in plan.places()}
    drafts = {
        s: ws.output(s) / "draft.md" for s, state in states.items() if state.status in ("draft", "accepted")
    }
    seen = look_at(ws, [*files.values(), *planned.values(), *drafts.values()])
    book = _Book(ws, states, seen, drafts)
    batches = tuple(_batch(plan, index, book) for index in range(len(plan.batches)))
    unplanned = tuple(book.article(slug, path, None) for slug, path in files.items() if slug not in planned)
    whole = Status(str(ws.root), Counts(), 0, 0, batches, unplanned)
    every = tuple(whole.articles())
    return replace(
        whole, counts=count(every), lines=sum(a.lines for a in every), formulas=sum(a.formulas for a in every)
    )


@dataclass(frozen=True, slots=True)
class _Book:
    """What is known before the tree is built."""

    ws: Workspace
    states: Mapping[str, State]
    seen: Mapping[Path, Entry]
    drafts: Mapping[str, Path]

    def article(self, slug: str, path: Path, place: Place | None) -> ArticleStatus:
        state = self.states.get(slug, State())
        entry = self.seen.get(path)
        file = path.relative_to(self.ws.root).as_posix()
        title = (place.item.title if place else "") or (entry.title if entry else "") or slug
        base = ArticleStatus(
            slug, title, file, place.sub.id if place else "", standing(state, entry),
            failures=state.failures, error=state.error, at=state.at,
        )  # fmt: skip
        if entry is None:
            return base
        draft = self.seen.get(self.drafts[slug]) if slug in self.drafts else None
        targets = _targets(targets_for(place, self.ws.config.targets), draft or entry, state)
        return replace(
            base, lines=entry.lines, formulas=entry.formulas,
            targets=targets, met=all(t.met for t in targets),
            draft_lines=draft.lines if draft else None, draft_formulas=draft.formulas if draft else None,
            recorded=base.status != "by-hand" or state.status == "by-hand",
            changed=bool(draft and state.sha256 and state.sha256 != entry.sha256),
            error=entry.error or base.error,
        )  # fmt: skip


def standing(state: State, entry: Entry | None) -> str:
    """The one word for where an article stands, from its events and its file.

    A pending article whose front matter says ``completed`` and whose stub is gone was expanded by hand,
    whether that has been recorded yet or not.
    """
    if entry is None:
        return "missing"
    if state.status == "pending" and finished_by_hand(entry):
        return "by-hand"
    return state.status


def finished_by_hand(entry: Entry) -> bool:
    return entry.status == "completed" and not entry.stub and not entry.regions


def _targets(wanted: Targets, measured: Entry, state: State) -> tuple[Target, ...]:
    before = state.data.get("before", {}) if wanted.added else {}
    pairs = (("lines", wanted.lines, measured.lines), ("formulas", wanted.formulas, measured.formulas))
    # Before the first draft nothing is added, so the file as it is now is the "before".
    untouched = wanted.added and not before
    results = ((n, w, 0 if untouched else g - int(before.get(n, 0))) for n, w, g in pairs if w)
    return tuple(Target(n, w, g, g >= w) for n, w, g in results)


def _batch(plan: Plan, index: int, book: _Book) -> BatchStatus:
    batch = plan.batches[index]
    subs = []
    for sub in batch.subs:
        places = [Place(batch, sub, item) for item in sub.items]
        articles = tuple(book.article(p.item.slug, book.ws.article(p), p) for p in places)
        subs.append(SubBatchStatus(sub.id, sub.title, count(articles), articles))
    every = {a.slug: a for sub in subs for a in sub.articles}
    return BatchStatus(batch.id, batch.title, count(every.values()), tuple(subs))


def count(articles: Iterable[ArticleStatus]) -> Counts:
    """Articles by where they stand."""
    standings = [a.status for a in articles]
    return Counts(
        total=len(standings), done=standings.count("merged"), accepted=standings.count("accepted"),
        drafts=standings.count("draft"), pending=standings.count("pending"), failed=standings.count("failed"),
        by_hand=standings.count("by-hand"), missing=standings.count("missing"),
    )  # fmt: skip
