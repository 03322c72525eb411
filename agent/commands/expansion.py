"""`expand next`, `expand run`: the main job."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from agent.books.status import ArticleStatus, status
from agent.commands.result import Result
from agent.commands.workspaces import reported, stored
from agent.errors import Locked, NothingToExpand, NotUtf8, RegionError, UsageError
from agent.pipeline.estimate import Known, Size, estimate, known, writer_identity
from agent.pipeline.experience import learned
from agent.pipeline.models import expected
from agent.pipeline.prepare import read_source_file, readable
from agent.plan import targets_for
from agent.workspace import Workspace, derive, slug_of
from agent.workspace.state import FAILURES

if TYPE_CHECKING:
    from agent.pipeline.run import Finished, Watch


def next_article(ws: Workspace, *, spec: str | None, dry_run: bool, watch: Watch) -> Result:
    """Expand the next pending article of the plan; one that cannot be expanded as it stands is passed over with a
    line. Raises UsageError when there is nothing to pick, or nothing else; Locked where others have all there is."""
    unusable: UsageError | None = None
    locked: Locked | None = None
    for article in pending(ws, watch):
        path = ws.root / article.file
        try:
            if dry_run:
                return Result("dry-run", previews(ws, [path], spec=spec))
            return _one(ws, path, spec, watch)
        except (NotUtf8, RegionError, NothingToExpand) as error:
            # No failure that counts: as soon as its author has mended it, it is picked.
            watch.line(f"{article.slug}: {error}; passing on")
            unusable = unusable or error
        except Locked as error:
            watch.line(f"{article.slug} is being worked on by another process, passing on")
            locked = locked or error
    if unusable or locked:
        raise unusable or locked  # type: ignore[misc]  # mypy takes `or` of two for maybe None
    if not ws.plan().batches:
        raise UsageError(
            f"{ws.config.paths.plan} names no articles",
            hint="build a plan from your documents with: expand plan import, or name an article: expand run SLUG",
        )
    return nothing(ws, "no article of the plan is pending")


def nothing(ws: Workspace, why: str) -> Result:
    """Nothing was picked: why, and how many drafts wait for a person instead."""
    drafts = sum(s.status in ("draft", "accepted") for s in derive(ws.events.read()).values())
    return Result("nothing", {"picked": None, "why": why, "drafts": drafts})


def run_articles(
    ws: Workspace, names: Sequence[str], *, spec: str | None, dry_run: bool, watch: Watch
) -> Result:
    """Expand the named articles, whether the plan holds them or not. Where not all of them end with a draft, what
    became of each is told as of a batch."""
    paths = list(dict.fromkeys(find_article(ws, name) for name in names))
    if dry_run:
        return Result("dry-run", previews(ws, paths, spec=spec))
    if len(paths) == 1:
        return _one(ws, paths[0], spec, watch)
    from agent.batch import expand_all
    from agent.commands.batch import command, told

    with reported(ws):
        whole = expand_all(ws, paths, spec=spec, watch=watch)
    done = [a.finished for a in whole.articles if a.finished]
    return (
        _finished(done)
        if len(done) == len(paths)
        else told(whole, command("run", *names, **{"--model": spec}))
    )


def pending(ws: Workspace, watch: Watch, *, id: str = "") -> Iterator[ArticleStatus]:
    """Articles of the plan (or of one batch or sub-batch) that `next` may pick, in plan order; those passed over for
    good get a line."""
    seen: set[str] = set()
    for batch in status(ws).batches:
        for sub in batch.subs:
            if id not in ("", sub.id, batch.id):
                continue
            for article in sub.articles:
                if article.slug in seen:
                    continue
                seen.add(article.slug)
                if article.status == "missing":
                    watch.line(f"{article.slug}: no such file in {ws.config.paths.articles}/, passing on")
                elif article.status == "failed" and article.failures >= FAILURES:
                    watch.line(
                        f"{article.slug} failed {article.failures} times ({article.error}), passing on"
                    )
                elif article.status in ("pending", "failed"):
                    yield article


def find_article(ws: Workspace, name: str) -> Path:
    """The article called ``name``: its slug, file name, path or title. Raises UsageError with near slugs, or with
    those that share the title."""
    import difflib

    slugs = ws.slugs()
    wanted = slug_of(Path(name))
    for candidate in (name, wanted):
        if candidate in slugs:
            return slugs[candidate]
    known = {a.slug: a.title for a in status(ws).articles() if a.slug in slugs}
    called = [slug for slug, title in known.items() if _same_words(title, name)]
    if len(called) == 1:
        return slugs[called[0]]
    if called:
        raise UsageError(
            f"{len(called)} articles have the title {name}", hint=f"name one by its slug: {', '.join(called)}"
        )
    names = {**{title: slug for slug, title in known.items()}, **{slug: slug for slug in slugs}}
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.4)
    near = dict.fromkeys(names[word] for word in close)
    raise UsageError(
        f"no article {name} in {ws.config.paths.articles}/",
        hint=f"did you mean {', '.join(near)}?" if near else "expand status lists the articles",
    )


def _same_words(title: str, name: str) -> bool:
    return normalize("NFC", title).split() == normalize("NFC", name).split()


def previews(
    ws: Workspace,
    paths: Sequence[Path],
    *,
    spec: str | None,
    batched: bool = False,
    passed: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """What runs of articles would take, without calling anything. ``batched``: as files of a batch API. Of an article
    that a run would refuse ``passed`` is told; without it, raises UsageError."""
    places = {place.item.slug: place for place in reversed(tuple(ws.plan().places()))}
    with stored(ws) as ledger:
        rows = ledger.paid() if ledger else []
    experience = learned(ws, rows)
    by_model: dict[str, dict[str, Known]] = {}

    def preview(path: Path) -> dict[str, Any]:
        slug = slug_of(path)
        data = read_source_file(path)
        readable(path.name, data)
        targets = targets_for(places.get(slug), ws.config.targets)
        wanted, problem = expected(ws, slug, spec)
        identity = writer_identity(ws.config, wanted)
        if identity not in by_model:
            by_model[identity] = known(rows, map(slug_of, paths), identity, batched=batched)
        return {
            "slug": slug,
            "file": ws.named(path),
            "sub": places[slug].sub.id if slug in places else "",
            "targets": {"lines": targets.lines, "formulas": targets.formulas, "added": targets.added},
            "estimate": estimate(
                Size.of(data, path.name),
                targets,
                ws.config,
                spec=wanted,
                before=by_model[identity][slug],
                experience=experience,
                batched=batched,
            ),
            "problem": problem,
        }

    found = []
    for path in paths:
        try:
            found.append(preview(path))
        except UsageError as error:
            if passed is None:
                raise
            passed(f"{error}, passing on")
    return found


def _one(ws: Workspace, path: Path, spec: str | None, watch: Watch) -> Result:
    from agent.pipeline.run import run_article

    with reported(ws):
        return _finished([run_article(ws, path, spec=spec, watch=watch)])


def _finished(done: Sequence[Finished]) -> Result:
    return Result("finished", [f.report for f in done], 0 if all(f.passed for f in done) else 1)
