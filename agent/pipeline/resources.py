"""What the articles of one run share: ledger, models, slots, budget, sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from agent.errors import SandboxUnavailable
from agent.lab import Sandbox, open_sandbox
from agent.llm import (
    Budget,
    Client,
    Ledger,
    Model,
    Price,
    RetryPolicy,
    Scribe,
    SharedAccounts,
    Traffic,
    TrafficLimits,
    open_model,
    priced,
)
from agent.llm.model import Deferred, Staying
from agent.pipeline import deferred
from agent.pipeline.citations import Bibliography
from agent.pipeline.models import Models, Opener, open_models
from agent.pipeline.redo import StoredOnly
from agent.pipeline.shelf import Shelf
from agent.pipeline.times import Times
from agent.pipeline.watch import Watch
from agent.pipeline.workshop import Workshop
from agent.records import Call
from agent.sources import Resolver
from agent.workspace import Workspace


@dataclass(eq=False)
class Resources:
    """One of each for all articles of a run. Belongs to one event loop."""

    ws: Workspace
    watch: Watch
    ledger: Ledger
    scribe: Scribe
    traffic: Traffic
    budget: Budget | None
    price: Price
    sandbox: Sandbox | None
    workshop: Workshop
    shelf: Shelf
    resolver: Resolver | None
    """Who is asked about works that are to be cited; nobody unless the settings allow it."""
    times: Times
    opener: Opener = open_model
    """How a SPEC becomes a model."""
    _models: dict[str, Model] = field(default_factory=dict)
    """By SPEC."""
    _told: set[str] = field(default_factory=set)

    def models(self, slug: str, spec: str | None) -> Models:
        """The models that write an article; each SPEC is opened once, and what is to be known of the choice told once
        for all articles."""
        found = open_models(self.ws, slug, spec, self.watch.calls, opened=self._models, opener=self.opener)
        if found.note and found.note not in self._told:
            self._told.add(found.note)
            self.watch.line(found.note)
        return found

    def client(self, by_role: Mapping[str, Model]) -> Client:
        return Client(
            self.ledger,
            by_role,
            retry=retry_policy(self.ws),
            budget=self.budget,
            traffic=self.traffic,
            scribe=self.scribe,
            observe=self.watch.calls,
            sleep=self.times.sleep,
            clock=self.times.clock,
        )

    def stored_only(self, by_role: Mapping[str, Model]) -> Client:
        """A client for a redo: what is not written again stands in the ledger."""
        kept = {id(m): StoredOnly(m) for m in by_role.values()}
        return self.client({role: kept[id(m)] for role, m in by_role.items()})

    def bibliography(self, slug: str) -> Bibliography:
        return Bibliography(self.resolver, self.ws.output(slug) / "sources.json")

    def away(self, models: Models) -> bool:
        """True where a service has been down for longer than anybody should wait."""
        return any(self.traffic.gave_up(m.identity) for m in models.by_role.values())

    def staying(self) -> Staying:
        """What services keep for a later run."""
        return sum((m.staying() for m in self._models.values() if isinstance(m, Deferred)), Staying())

    async def aclose(self) -> None:
        self.traffic.close()
        self.workshop.close()
        for model in self._models.values():
            await model.aclose()
        self.scribe.close()
        if self.budget is not None:
            self.budget.close()
        self.ledger.close()


@asynccontextmanager
async def shared(
    ws: Workspace,
    watch: Watch,
    *,
    slots: int | None = None,
    times: Times | None = None,
    batched: bool = False,
) -> AsyncIterator[Resources]:
    """Resources for a run. ``slots``: calls under way at most; None takes the setting. ``batched``: calls go to a
    batch API, see `agent.pipeline.deferred`."""
    times = times or Times()
    if cut := ws.events.cut_line():
        watch.line(f"{ws.events.path}:{cut}: cut off in the middle (a power loss?); it is passed over")
    ledger = Ledger(ws.ledger, now=times.now)
    sending = retry_policy(ws)
    ws = deferred.deferred(ws) if batched else ws
    price = priced(ws.config.prices.models)
    limits = TrafficLimits(
        slots=slots or max(1, ws.config.loop.concurrency),
        rpm=ws.config.limits.rpm,
        tpm=ws.config.limits.tpm,
        warm=ws.config.limits.warm,
        patience=ws.config.retry.total_cap,
    )
    made = Resources(
        ws=ws,
        watch=watch,
        ledger=ledger,
        scribe=Scribe(ledger),
        traffic=Traffic(limits, watch.calls, times.sleep, times.clock),
        budget=await asyncio.to_thread(budget_of, ws, ledger, price, times, watch),
        price=price,
        sandbox=sandbox_of(ws, watch),
        workshop=Workshop(),
        shelf=Shelf(ws.outputs / ".cache"),
        resolver=resolver_of(ws),
        times=times,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(made.aclose)
        if batched:
            api = stack.enter_context(deferred.opened(ws, watch, ledger, sending, times))
            made.opener = api.open
        elif line := deferred.staying_line(deferred.left_behind(ws, times.now())):
            watch.line(f"{line}; asked without it, they are paid for again")
        yield made


def retry_policy(ws: Workspace) -> RetryPolicy:
    retry = ws.config.retry
    return RetryPolicy(tries=retry.attempts, cap=retry.wait_cap, total=retry.total_cap)


def budget_of(ws: Workspace, ledger: Ledger, price: Price, times: Times, watch: Watch) -> Budget | None:
    """The caps of the settings. Those of an article and of a day count what any process stores and has under way."""
    caps = ws.config.budget
    if all(c is None for c in (caps.article, caps.run, caps.day, caps.tokens)):
        return None
    common = caps.article is not None or caps.day is not None

    def on_wait(call: Call, cap: str) -> None:
        watch.line(f"{call.name}: waiting until calls of other processes have ended ({cap})")

    return Budget(
        cap_tokens=caps.tokens,
        cap_cost=caps.run,
        article_cost=caps.article,
        day_cost=caps.day,
        accounts=SharedAccounts(ws.locks / "spending.db", ledger, price) if common else None,
        today=lambda: times.now().date().isoformat(),
        price=price,
        sleep=times.sleep,
        on_wait=on_wait,
    )


def resolver_of(ws: Workspace) -> Resolver | None:
    if not ws.config.sources.online:
        return None
    return Resolver(ws.outputs / ".cache" / "sources.json", ws.config.sources.email)


def sandbox_of(ws: Workspace, watch: Watch) -> Sandbox | None:
    """Where generated code runs; None, with a line that says so, where nothing can confine it."""
    if not ws.config.lab.enabled:
        return None
    try:
        return open_sandbox()
    except SandboxUnavailable as error:
        watch.line(f"no sandbox here, so experiments and witnesses are marked 未运行 ({error})")
        return None
