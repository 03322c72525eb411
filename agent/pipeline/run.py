"""Running articles in a workspace: lock, freeze the inputs, expand, write down, log the events."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import BadReply, ContextOverflow, NotRecorded, Unavailable
from agent.pipeline.estimate import shape
from agent.pipeline.expand import Outcome, expand_article
from agent.pipeline.job import Job
from agent.pipeline.outputs import write_outputs
from agent.pipeline.prepare import only_redo, prepare, section_texts, source_of
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


async def expand_one(
    resources: Resources, path: Path, *, spec: str | None, redo: bool = False, many: bool = False
) -> Finished:
    """Expand one article with what it shares with others, and write its draft.

    ``redo``: write again what was sent back (see `agent.review.redo`); everything else must be in the ledger, and a
    failure leaves the draft as it is. ``spec`` then names the model of what is written again. ``many``: others are
    written beside it.

    Raises Locked while another process works on it, ModelError (and records the failure) when the model or its
    service failed, BudgetReached, Interrupted, NotUtf8, RegionError for a source that holds markers, NothingToExpand.
    """
    ws, slug = resources.ws, slug_of(path)
    with hold(ws.locks, slug):
        state = derive(ws.events.read()).get(slug, State())
        data = source_of(path, state, ws.output(slug) / "draft.md" if redo else None)
        wanted = state.drafted.get("spec") or spec if redo else spec
        models = resources.models(slug, wanted)
        if models.note:
            resources.watch.line(models.note)
        try:
            job = await asyncio.to_thread(prepare, resources, slug, path, data, state, models)
            if not redo:
                ws.events.append("picked", slug, sha256=hashlib.sha256(data).hexdigest())
            need = await asyncio.to_thread(shape, job.material.article, job.targets, job.config)
            job.tell("begin", job.material.article.title, total=need.calls)
            if redo:
                job = only_redo(resources, job, models, resources.models(slug, spec or wanted))
            outcome = await expand_article(job)
        except (BadReply, ContextOverflow, Unavailable, NotRecorded) as error:
            away = many and isinstance(error, Unavailable) and resources.away(models)
            ws.events.append("failed", slug, **failure_data(error, redo=redo, away=away))
            raise
        extra: dict[str, Any] = {"spec": wanted} if wanted else {}
        report = await asyncio.to_thread(
            write_draft, resources, path, job, outcome, models.identities, redo=redo, extra=extra
        )
        job.tell("end", "draft")
        return Finished(slug, report, ws.output(slug) / "draft.md")


def write_draft(
    resources: Resources,
    path: Path,
    job: Job,
    outcome: Outcome,
    models: Mapping[str, str],
    *,
    redo: bool,
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the draft and its event, and give its report; nobody decides or edits meanwhile."""
    ws, slug = resources.ws, job.slug
    folder, relative = ws.output(slug), path.relative_to(ws.root).as_posix()
    with deciding(ws, slug):
        before = section_texts(folder) if redo else {}
        report = write_outputs(job, outcome, folder, relative, resources.ledger, models)
        after = {s.id: s.text.strip("\n") for s in outcome.sections}
        changed = sorted(k for k in {*before, *after} if before.get(k) != after.get(k))
        told = {**extra, "changed": changed} if redo else extra
        ws.events.append("drafted", slug, **event_data(report), **told)
    return report


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
