"""`expand batch`: a sub-batch, side by side."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from agent.batch import Ended, Opener, Whole, expand_all, here
from agent.books.status import status
from agent.commands.expansion import nothing, pending, previews
from agent.commands.result import Result
from agent.commands.workspaces import reported
from agent.errors import UsageError
from agent.pipeline.deferred import VIA, check, deferred
from agent.pipeline.estimate import total
from agent.pipeline.run import Watch
from agent.workspace import Workspace


def batch(
    ws: Workspace,
    id: str,
    *,
    jobs: int | None,
    limit: int | None,
    spec: str | None,
    dry_run: bool,
    watch: Watch,
    via: str | None = None,
    engine: str = "local",
    scheduler: str | None = None,
) -> Result:
    """Expand what is pending of a batch or sub-batch. ``via``: `agent.pipeline.deferred.VIA`, or each call by itself.
    ``engine``: local, or dask with the address of its ``scheduler``. Raises UsageError for an ID that the plan does
    not know, for models that no batch API serves and for an engine that is not there."""
    batched = via == VIA
    if batched:
        if jobs is not None:
            raise UsageError("-j is of no use with --via batch-api", hint="all calls that can go, go at once")
        if engine != "local":
            # A round ends when nothing more can join it, which this process cannot know of work elsewhere.
            raise UsageError(
                f"--via batch-api does not go with --engine {engine}", hint="leave out one of them"
            )
        check(ws.config, spec)
    writers = opener(engine, scheduler)
    paths = chosen(ws, id, limit, watch)
    if not paths:
        return nothing(ws, why_nothing(ws, id))
    if dry_run:
        rows = previews(deferred(ws) if batched else ws, paths, spec=spec, batched=batched, passed=watch.line)
        whole = total(rows, slots_of(ws, jobs), ws.config)
        return Result("forecast", {"id": id, "via": via or "", "articles": rows, "total": whole})
    with reported(ws):
        done = expand_all(ws, paths, spec=spec, watch=watch, slots=jobs, batched=batched, engine=writers)
    options = {"-j": jobs, "--limit": limit, "--via": via, "--scheduler": scheduler, "--model": spec}
    if engine != "local":
        options["--engine"] = engine
    return told(done, command("batch", id, **options), id)


def command(*words: str, **options: object) -> str:
    """What to type for the same again; options without a value were not given."""
    given = [part for name, value in options.items() if value is not None for part in (name, str(value))]
    return shlex.join(["expand", *words, *given])


def opener(engine: str, scheduler: str | None) -> Opener:
    """Opens the engine of this name. Raises UsageError where its extra is not installed, or for a scheduler that
    nobody would use."""
    if engine != "dask":
        if scheduler is not None:
            raise UsageError(
                "--scheduler goes with --engine dask", hint=f"add it: --engine dask --scheduler {scheduler}"
            )
        return here
    try:
        from agent.batch.dask import cluster
    except ImportError as error:
        raise UsageError(
            f"--engine dask needs Dask, which cannot be loaded ({error})",
            hint="install it: pip install 'expand-articles[dask]'",
        ) from None
    return cluster(scheduler)


def chosen(ws: Workspace, id: str, limit: int | None, watch: Watch) -> list[Path]:
    """The articles of a batch that may be picked, in plan order."""
    import difflib

    plan = ws.plan()
    if id not in plan.ids():
        near = difflib.get_close_matches(id, plan.ids(), n=3, cutoff=0.3)
        known = f"did you mean {', '.join(near)}?" if near else "expand plan show lists them"
        raise UsageError(f"{ws.config.paths.plan} knows no batch {id}", hint=known)
    paths = [ws.root / article.file for article in pending(ws, watch, id=id)]
    return paths if limit is None else paths[:limit]


def why_nothing(ws: Workspace, id: str) -> str:
    """Why a batch without a pending article has none."""
    found = [sub for batch in status(ws).batches for sub in batch.subs if id in (sub.id, batch.id)]
    total = sum(sub.counts.total for sub in found)
    if not total:
        return f"{ws.config.paths.plan} names no article in {id}"
    if total == sum(sub.counts.missing for sub in found):
        return f"no article of {id} has a file in {ws.config.paths.articles}/"
    return f"no article of {id} is pending"


def slots_of(ws: Workspace, jobs: int | None) -> int:
    return jobs or max(1, ws.config.loop.concurrency)


def told(whole: Whole, again: str, id: str = "") -> Result:
    """A finished batch as data. ``again``: the command that goes on with it. The reports themselves stand in
    `outputs/`."""
    rows = [_row(ended) for ended in whole.articles]
    costs = [row["cost"] for row in rows if row["ending"] == "draft"]
    data = {
        "id": id,
        "articles": rows,
        "drafts": sum(row["ending"] == "draft" for row in rows),
        "passed": sum(row["verdict"] == "pass" for row in rows),
        "left": [row["slug"] for row in rows if row["ending"] in ("left", "budget")],
        "again": again,
        "calls": sum(row["calls"] for row in rows),
        "cost": None if None in costs else round(sum(costs), 6),
        "seconds": whole.seconds,
        "interrupted": whole.interrupted,
    }
    return Result("batch", data, whole.code)


def _row(ended: Ended) -> dict[str, Any]:
    report = ended.finished.report if ended.finished else {}
    return {
        "slug": ended.slug,
        "title": report.get("title", ended.slug),
        "ending": ended.ending,
        "verdict": report.get("verdict", ""),
        "reasons": report.get("reasons", []),
        "targets": report.get("targets", []),
        "calls": report.get("calls", 0),
        "tokens": report.get("tokens", {}),
        "cost": report.get("cost", 0.0),
        "error": str(ended.error) if ended.error else "",
        "hint": ended.error.hint if ended.error else "",
    }
