"""Running one article in a workspace: lock, freeze the inputs, expand, write down, log the events."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.article import read, refuse_markers, strip
from agent.checks.page import Work
from agent.errors import (
    BadReply,
    ContextOverflow,
    NotRecorded,
    SandboxUnavailable,
    Unavailable,
    UsageError,
)
from agent.lab import Limits, Sandbox, open_sandbox
from agent.llm import Budget, CallEvent, Client, Ledger, RetryPolicy
from agent.pipeline.expand import expand_article
from agent.pipeline.inputs import frozen_inputs
from agent.pipeline.job import Job, Progress
from agent.pipeline.material import Material
from agent.pipeline.models import Models, open_models
from agent.pipeline.outputs import load_sections, write_outputs
from agent.pipeline.redo import Redo, StoredOnly
from agent.plan import standard_for, targets_for
from agent.prompts import open_library
from agent.review.versions import version
from agent.sources import Resolver
from agent.workspace import State, Workspace, derive, hold, slug_of


@dataclass(frozen=True)
class Watch:
    """Who is told what: the terminal, a log, or nobody."""

    progress: Callable[[Progress], None] = lambda _: None
    calls: Callable[[CallEvent], None] = lambda _: None
    line: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Finished:
    slug: str
    report: Mapping[str, Any]
    draft: Path

    @property
    def passed(self) -> bool:
        return bool(self.report["verdict"] == "pass")


def run_article(ws: Workspace, path: Path, *, spec: str | None, watch: Watch, redo: bool = False) -> Finished:
    """Expand one article of the workspace and write its draft.

    ``redo``: write again what was sent back (see `agent.review.redo`); everything else must be in the ledger, and a
    failure leaves the draft as it is. ``spec`` then names the model of what is written again.

    Raises Locked while another process works on it, ModelError (and records the failure) when the model or its
    service failed, BudgetReached, NotUtf8, RegionError for a source that holds markers.
    """
    slug = slug_of(path)
    with hold(ws.locks, slug):
        state = derive(ws.events.read()).get(slug, State())
        data = source_of(path, state)
        wanted = state.drafted.get("spec") or spec if redo else spec
        models = open_models(ws, slug, wanted, watch.calls)
        if models.note:
            watch.line(models.note)
        if not redo:
            ws.events.append("picked", slug, sha256=hashlib.sha256(data).hexdigest())
        ledger = Ledger(ws.ledger)
        try:
            job = prepare(ws, slug, path, data, state, models, ledger, watch)
            if redo:
                job = only_redo(ws, job, models, open_models(ws, slug, spec or wanted), ledger, watch)
            outcome = asyncio.run(_expand(job))
        except (BadReply, ContextOverflow, Unavailable, NotRecorded) as error:
            retry = {error.call: error.next_attempt} if isinstance(error, BadReply) and error.call else {}
            ws.events.append(
                "failed", slug, error=str(error), retry=retry, **({"redo": True} if redo else {})
            )
            ledger.close()
            raise
        except BaseException:
            ledger.close()
            raise
        try:
            relative = path.relative_to(ws.root).as_posix()
            before = section_texts(ws.output(slug)) if redo else {}
            report = write_outputs(job, outcome, ws.output(slug), relative, ledger, models.identities)
        finally:
            ledger.close()
        extra: dict[str, Any] = {"spec": wanted} if wanted else {}
        if redo:
            after = {s.id: s.text.strip("\n") for s in outcome.sections}
            extra["changed"] = sorted(k for k in {*before, *after} if before.get(k) != after.get(k))
        ws.events.append("drafted", slug, **event_data(report), **extra)
        return Finished(slug, report, ws.output(slug) / "draft.md")


def prepare(
    ws: Workspace,
    slug: str,
    path: Path,
    data: bytes,
    state: State,
    models: Models,
    ledger: Ledger,
    watch: Watch,
) -> Job:
    """Freeze everything an article's run depends on."""
    place = ws.plan().find(slug)
    client = client_of(ws, models, ledger, watch)
    folder = ws.output(slug)
    article = read(data, path.name)
    if not any(b.kind in ("paragraph", "display", "list") for b in article.blocks):
        raise UsageError(f"{path.name}: nothing to expand", hint="the article holds no text")
    inputs = frozen_inputs(ws, folder, article, state)
    wishes = [*(place.item.focus if place else ()), *(note for section, note in state.notes if not section)]
    return Job(
        material=Material(slug, article),
        library=open_library(ws.prompts),
        client=client,
        config=ws.config,
        targets=targets_for(place, ws.config.targets),
        standard=standard_for(place, ws.config.standard),
        focus="\n".join(f"- {w}" for w in wishes),
        series=inputs.series,
        citations=inputs.citations,
        works=tuple(Work(**{**w, "authors": tuple(w["authors"])}) for w in inputs.works),
        resolver=resolver_of(ws),
        confirmed=folder / "sources.json",
        redos=redos_of(folder, state),
        edits={s: version(folder, s, n).text for s, n in state.edits.items()},
        retry=dict(state.retry),
        sandbox=sandbox_of(ws, watch),
        limits=limits_of(ws),
        lab_cache=ws.outputs / ".cache" / "experiments",
        watch=watch.progress,
    )


def client_of(ws: Workspace, models: Models, ledger: Ledger, watch: Watch) -> Client:
    retry = ws.config.retry
    return Client(
        ledger,
        models.by_role,
        retry=RetryPolicy(tries=retry.attempts, cap=retry.wait_cap, total=retry.total_cap),
        budget=budget_of(ws),
        concurrency=ws.config.loop.concurrency,
        observe=watch.calls,
    )


def only_redo(ws: Workspace, job: Job, models: Models, live: Models, ledger: Ledger, watch: Watch) -> Job:
    """The job of a redo: what is written again is asked for, everything else stands in the ledger."""
    kept = {id(m): StoredOnly(m) for m in models.by_role.values()}
    stored = Models({role: kept[id(m)] for role, m in models.by_role.items()})
    return replace(job, client=client_of(ws, stored, ledger, watch), live=client_of(ws, live, ledger, watch))


def redos_of(folder: Path, state: State) -> dict[str, Redo]:
    """What a person sent back. A section that was edited by hand afterwards keeps its edit."""
    return {
        section: Redo(
            number=state.redos[section],
            note="\n".join(note for s, note in state.notes if s == section and note),
            old=version(folder, section, kept).text if kept else "",
        )
        for section, kept in state.returned.items()
    }


def section_texts(folder: Path) -> dict[str, str]:
    """Section → its text on disk."""
    return {s.id: s.text for s in load_sections(folder)}


def source_of(path: Path, state: State) -> bytes:
    """The author's bytes: the file, or what is left of it without the regions that were merged into it."""
    data = read_source_file(path)
    if state.merged:
        return strip(data)
    refuse_markers(data, path.name)
    return data


def sandbox_of(ws: Workspace, watch: Watch) -> Sandbox | None:
    """Where generated code runs; None, with a line that says so, where nothing can confine it."""
    if not ws.config.lab.enabled:
        return None
    try:
        return open_sandbox()
    except SandboxUnavailable as error:
        watch.line(f"no sandbox here, so experiments and witnesses are marked 未运行 ({error})")
        return None


def resolver_of(ws: Workspace) -> Resolver | None:
    """Who is asked about works that are to be cited; nobody unless the settings allow it."""
    if not ws.config.sources.online:
        return None
    return Resolver(ws.outputs / ".cache" / "sources.json", ws.config.sources.email)


def limits_of(ws: Workspace) -> Limits:
    lab = ws.config.lab
    mib = 1 << 20
    return Limits(
        wall=float(lab.seconds),
        memory=lab.memory_mb * mib,
        processes=lab.processes,
        file_size=lab.file_mb * mib,
        output=lab.output_kb * 1024,
    )


def budget_of(ws: Workspace) -> Budget | None:
    caps = ws.config.budget
    cost = min((c for c in (caps.article, caps.run) if c is not None), default=None)
    if cost is None and caps.tokens is None:
        return None
    return Budget(cap_tokens=caps.tokens, cap_cost=cost)


async def _expand(job: Job) -> Any:
    try:
        return await expand_article(job)
    finally:
        for client in (job.client, job.live):
            if client is not None:
                await client.aclose()  # type: ignore[attr-defined]


def read_source_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", hint="check the name and your permission to read it"
        ) from None


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
