"""Running articles in a workspace: lock, freeze the inputs, expand, write down, log the events."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import BadReply, ContextOverflow, NotRecorded, NotRun, Rejected, Unavailable
from agent.llm import Client
from agent.pipeline.estimate import Size, shape
from agent.pipeline.expand import expand_article
from agent.pipeline.job import Asker, Progress
from agent.pipeline.models import Models
from agent.pipeline.outputs import Stored, write_outputs
from agent.pipeline.prepare import Frozen, Means, freeze, prepare, section_texts, source_of
from agent.pipeline.resources import Resources, shared
from agent.pipeline.stop import stopped_by_hand
from agent.pipeline.watch import Watch
from agent.review.decide import deciding
from agent.workspace import State, Workspace, derive, hold, slug_of

__all__ = ["Finished", "Watch", "expand_one", "run_article"]


@dataclass(frozen=True, slots=True)
class Finished:
    slug: str
    report: Mapping[str, Any]
    draft: Path

    @property
    def passed(self) -> bool:
        return bool(self.report["verdict"] == "pass")


def run_article(ws: Workspace, path: Path, *, spec: str | None, watch: Watch, redo: bool = False) -> Finished:
    """Expand one article of the workspace and write its draft; see `expand_one`.

    Raises Interrupted after a Ctrl-C, when what was under way is stored.
    """

    async def main() -> Finished:
        async with shared(ws, watch) as resources, stopped_by_hand(resources):
            return await expand_one(resources, path, spec=spec, redo=redo)

    return asyncio.run(main())


@dataclass(frozen=True, slots=True)
class Order:
    """An article that is picked and may be written, here or elsewhere."""

    frozen: Frozen
    client: Client
    """Answers its calls."""
    identities: Mapping[str, str]
    """Of the models by role."""
    live: Client | None = None
    """Answers for what was sent back; ``client`` then has the ledger alone."""


Draft = Callable[[], Mapping[str, Any]]
"""Puts an article that is written into its folder of the workspace, and gives its report."""
Writing = Callable[[Resources, Order], Awaitable[Draft]]
"""Writes an article; its folder is left alone, because somebody may be reviewing what lies there."""


async def write_here(resources: Resources, order: Order) -> Draft:
    """Write an article in this process."""
    return await write_article(
        resources, order.frozen, order.client, resources.ledger.get, order.identities, order.live
    )


async def write_article(
    means: Means,
    frozen: Frozen,
    client: Asker,
    stored: Stored,
    identities: Mapping[str, str],
    live: Asker | None = None,
) -> Draft:
    """The whole way of an article, from its frozen inputs to what is written into its folder."""
    job = await asyncio.to_thread(prepare, means, frozen, client, live)
    source = job.material.article
    need = shape(Size.of(source.data, source.name), job.targets, job.config)
    job.tell("begin", job.material.article.title, total=need.calls)
    outcome = await expand_article(job)
    folder = means.ws.output(frozen.slug)
    return lambda: write_outputs(job, outcome, folder, frozen.path, stored, identities)


async def expand_one(
    resources: Resources,
    path: Path,
    *,
    spec: str | None,
    redo: bool = False,
    many: bool = False,
    write: Writing = write_here,
) -> Finished:
    """Expand one article with what it shares with others, and write its draft.

    ``redo``: write again what was sent back (see `agent.review.redo`); everything else must be in the ledger, and a
    failure leaves the draft as it is. ``spec`` then names the model of what is written again. ``many``: others are
    written beside it. ``write``: who does the work, while the lock, the event log and the ledger stay here.

    Raises Locked while another process works on it, ModelError (and records the failure) when the model or its
    service failed, BudgetReached, Interrupted, NotUtf8, RegionError for a source that holds markers, NothingToExpand.
    """
    ws, slug = resources.ws, slug_of(path)
    with hold(ws.locks, slug):
        state = derive(ws.events.read()).get(slug, State())
        data = source_of(path, state, ws.output(slug) / "draft.md" if redo else None)
        wanted = state.drafted.get("spec") or spec if redo else spec
        models = resources.models(slug, wanted)
        try:
            frozen = await asyncio.to_thread(freeze, ws, slug, path, data, state)
            if not redo:
                ws.events.append("picked", slug, sha256=hashlib.sha256(data).hexdigest())
            order = ordered(
                resources, frozen, models, resources.models(slug, spec or wanted) if redo else None
            )
            draft = await write(resources, order)
        except Rejected as error:
            # A wrong key or name says nothing about the article: it waits until they are mended.
            if error.of_call:
                ws.events.append("failed", slug, **failure_data(error, redo=redo, away=False))
            raise
        except (BadReply, ContextOverflow, Unavailable, NotRecorded, NotRun) as error:
            away = many and isinstance(error, Unavailable) and resources.away(models)
            ws.events.append("failed", slug, **failure_data(error, redo=redo, away=away))
            raise
        extra: dict[str, Any] = {"spec": wanted} if wanted else {}
        report = await asyncio.to_thread(write_down, ws, slug, draft, redo=redo, extra=extra)
        resources.watch.progress(Progress("end", slug, "draft"))
        return Finished(slug, report, ws.output(slug) / "draft.md")


def write_down(
    ws: Workspace, slug: str, draft: Draft, *, redo: bool, extra: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Write a draft and its event, and give its report; nobody decides or edits meanwhile."""
    folder = ws.output(slug)
    with deciding(ws, slug):
        before = section_texts(folder) if redo else {}
        report = draft()
        told = dict(extra)
        if redo:
            after = section_texts(folder)
            told["changed"] = sorted(k for k in {*before, *after} if before.get(k) != after.get(k))
        ws.events.append("drafted", slug, **event_data(report), **told)
    return report


def ordered(resources: Resources, frozen: Frozen, models: Models, live: Models | None) -> Order:
    """The order of an article; ``live`` writes what was sent back."""
    if live is None:
        return Order(frozen, resources.client(models.by_role), models.identities)
    kept = resources.stored_only(models.by_role)
    return Order(frozen, kept, models.identities, resources.client(live.by_role))


def failure_data(error: Exception, *, redo: bool, away: bool) -> dict[str, Any]:
    """What the event log keeps of a failure. ``away``: the service was, for all articles of a batch; that is no
    failure of this one."""
    retry = {error.call: error.next_attempt} if isinstance(error, BadReply) and error.call else {}
    data: dict[str, Any] = {"error": str(error), "retry": retry}
    return data | ({"redo": True} if redo else {}) | ({"service": True} if away else {})


def event_data(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the event log keeps of a draft; the progress entry is made from it."""
    keep = (
        "verdict",
        "before",
        "after",
        "added",
        "targets",
        "core",
        "draft_sha256",
        "calls",
        "tokens",
        "cost",
    )
    return {
        "sha256": report["source"]["sha256"],
        "sections": [s["id"] for s in report["sections"] if s["verdict"] != "unfinished"],
        **{key: report[key] for key in keep},
    }
