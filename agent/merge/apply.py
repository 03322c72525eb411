"""The merge of one article: plan, journal, figures, article, event, progress report, commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.article import read, refuse_markers, strip
from agent.errors import UsageError
from agent.measure import added, measure
from agent.merge import commit as commits
from agent.merge import journal as journals
from agent.merge.choose import Choice, choose, refuse_dangling, refuse_unbound
from agent.merge.hand import ByHand, by_hand, digests, kept, unless
from agent.merge.threeway import rebase
from agent.pipeline.assemble import Section, assemble, index_section
from agent.pipeline.outputs import load_sections
from agent.review.decide import INDEX
from agent.review.edit import mend
from agent.workspace import State, Workspace, derive, hold, write_bytes

MERGED = "completed"
NOBODY = ByHand({}, ())


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
    undecided: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """Regions edited by hand since the last merge, kept as they stand; those removed by hand stay out."""
    rebased: bool = False
    """The author's text was no longer the one the draft was made from."""
    recovered: str = ""
    """What an earlier run had left unfinished."""
    commit: str = ""
    """ID of the commit, where one was asked for."""
    branch: str = ""


@dataclass(frozen=True)
class Planned:
    """Everything a merge will write, before it writes anything."""

    path: Path
    old: bytes
    new: bytes
    choice: Choice
    taken: tuple[str, ...]
    hand: ByHand
    rebased: bool


def merge(
    ws: Workspace,
    slug: str,
    *,
    commit: bool = False,
    branch: str | None = None,
    overwrite: Iterable[str] = (),
    refresh: Callable[[], object] = lambda: None,
) -> Merged:
    """Write the accepted sections of a draft into their article, atomically.

    commit: one commit for the article, on the branch it is on, or on ``branch`` ("" names one after the article).
    overwrite: sections whose text in the article may be replaced although it was edited by hand. refresh: brings
    PROGRESS_REPORT.md up to date before the commit.

    Raises UsageError without a draft or accepted sections, DanglingReference (exit 1) for a reference into a section
    left out, SourceChanged (exit 5) where the author changed his text at a place a section stands; nothing is written
    then.
    """
    if commit or branch is not None:
        commits.require(ws)
    with hold(ws.locks, slug):
        path = article_path(ws, slug)
        recovered = journals.recover(ws, slug, path)
        state = derive(ws.events.read()).get(slug, State())
        if state.status == "merged" and (commit or recovered):
            done = _merged_before(ws, slug, path, state, recovered)
        else:
            planned = plan(ws, slug, path, state, frozenset(overwrite))
            if branch is not None:
                branch = commits.switch(ws, slug, branch)
            done = write(ws, slug, planned, state, recovered)
        refresh()
        if commit or branch is not None:
            done = commits.commit(ws, done, branch or "")
        return done


def check(ws: Workspace, slug: str) -> None:
    """Raise what `merge` would raise about a draft, so that nobody is asked how to merge what cannot be merged."""
    state = derive(ws.events.read()).get(slug, State())
    if state.status != "merged":
        plan(ws, slug, article_path(ws, slug), state, frozenset())


def article_path(ws: Workspace, slug: str) -> Path:
    path = ws.slugs().get(slug)
    if path is None:
        raise UsageError(f"no article {slug} in {ws.config.paths.articles}/", hint="expand status lists them")
    return path


def plan(ws: Workspace, slug: str, path: Path, state: State, overwrite: frozenset[str]) -> Planned:
    """What the merge will write. Raises what `merge` raises; writes nothing but an edit a crash cut off."""
    if state.status not in ("draft", "accepted"):
        raise UsageError(f"{slug} has no draft to merge (it is {state.status})", hint=f"expand run {slug}")
    mend(ws, slug)
    folder = ws.output(slug)
    old, file = path.read_bytes(), path.relative_to(ws.root).as_posix()
    if not state.merged:
        refuse_markers(old, file)
    now = strip(old)
    sections = load_sections(folder)
    choice = choose(slug, sections, state)
    refuse_unbound(slug, choice.taken)
    hand = unless(by_hand(old, state.merged), state, choice.taken, overwrite) if state.merged else NOBODY
    taken: Sequence[Section] = kept(sections, choice.taken, choice.undecided, hand, old)
    base = strip((folder / "draft.md").read_bytes())
    if now != base:
        taken = rebase(taken, base, now, file)
    taken = indexed(taken, hand, now, path.name)
    made = assemble(now, path.name, taken, status=MERGED)
    refuse_dangling(made.dangling, sections)
    return Planned(path, old, made.data, choice, tuple(s.id for s in taken), hand, now != base)


def indexed(taken: Sequence[Section], hand: ByHand, now: bytes, name: str) -> list[Section]:
    """The sections with the index of where they stand, made for those that are merged."""
    if INDEX in hand.edited or INDEX in hand.removed:
        return list(taken)
    index = index_section(read(now, name), taken)
    return [*taken, index] if index else list(taken)


def write(ws: Workspace, slug: str, planned: Planned, state: State, recovered: str) -> Merged:
    """Journal, figures, article, event, in this order: at every moment the article is the old or the new one, and
    what is missing can be told from the journal."""
    source = strip(planned.old)
    before, after = measure(read(source, planned.path.name)), measure(read(planned.new, planned.path.name))
    figures = journals.figures_of(ws, slug, planned.path.parent, planned.new)
    event = {
        "sections": planned.taken,
        "sha256_before": journals.sha256(planned.old),
        "sha256_after": journals.sha256(planned.new),
        "sha256_source": journals.sha256(source),
        "regions": digests(planned.new),
        "by_hand": list(planned.hand.edited),
        "removed": list(planned.hand.removed),
        "before": asdict(before),
        "after": asdict(after),
        "added": asdict(added(before, after)),
        "figures": list(figures.values()),
        **{key: state.drafted.get(key) for key in ("targets", "core", "verdict")},
    }
    journal = journals.start(ws, slug, planned.old, planned.new, figures, dict(state.merged), event)
    journals.copy_figures(ws, journal)
    write_bytes(planned.path, planned.new)
    ws.events.append("merged", slug, **journal.plan["event"])
    return Merged(
        slug,
        planned.path.relative_to(ws.root).as_posix(),
        planned.taken,
        planned.choice.left_out,
        asdict(before),
        asdict(after),
        tuple(figures.values()),
        undecided=planned.choice.undecided,
        kept=(*planned.hand.edited, *planned.hand.removed),
        rebased=planned.rebased,
        recovered=recovered,
    )


def _merged_before(ws: Workspace, slug: str, path: Path, state: State, recovered: str) -> Merged:
    """An article that is merged already, for a commit that is still to be made."""
    data = state.merged
    file = path.relative_to(ws.root).as_posix()
    return Merged(
        slug, file, tuple(data["sections"]), (), data["before"], data["after"], tuple(data["figures"]), recovered=recovered
    )  # fmt: skip
