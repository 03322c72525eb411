"""What the articles of one run share: ledger, models, slots, budget, sandbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from agent.errors import SandboxUnavailable
from agent.lab import Sandbox, open_sandbox
from agent.llm import (
    Before,
    Budget,
    Client,
    Ledger,
    Model,
    Price,
    RetryPolicy,
    Scribe,
    Traffic,
    TrafficLimits,
    priced,
)
from agent.llm.ledger import utc_now
from agent.llm.model import Sleep
from agent.pipeline.models import Models, open_models
from agent.pipeline.watch import Watch
from agent.pipeline.workshop import Workshop
from agent.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Times:
    """The clocks of a run, and how it sleeps."""

    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    """Seconds that never jump: limits, waits and durations go by it."""
    now: Callable[[], datetime] = utc_now
    """The calendar: which day a cap belongs to. It may jump, so that nothing else goes by it."""


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
    times: Times
    _models: dict[str, Model] = field(default_factory=dict)
    """By SPEC."""

    def models(self, slug: str, spec: str | None) -> Models:
        """The models that write an article; each SPEC is opened once."""
        return open_models(self.ws, slug, spec, self.watch.calls, opened=self._models)

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

    def away(self, models: Models) -> bool:
        """True where a service has been down for longer than anybody should wait."""
        return any(self.traffic.gave_up(m.identity) for m in models.by_role.values())

    async def aclose(self) -> None:
        self.traffic.close()
        self.workshop.close()
        for model in self._models.values():
            await model.aclose()
        self.scribe.close()
        self.ledger.close()


@asynccontextmanager
async def shared(
    ws: Workspace, watch: Watch, *, slots: int | None = None, times: Times | None = None
) -> AsyncIterator[Resources]:
    """Resources for a run. ``slots``: calls under way at most; None takes the setting."""
    times = times or Times()
    ledger = Ledger(ws.ledger, now=times.now)
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
        budget=budget_of(ws, ledger, price, times),
        price=price,
        sandbox=sandbox_of(ws, watch),
        workshop=Workshop(),
        times=times,
    )
    try:
        yield made
    finally:
        await made.aclose()


def retry_policy(ws: Workspace) -> RetryPolicy:
    retry = ws.config.retry
    return RetryPolicy(tries=retry.attempts, cap=retry.wait_cap, total=retry.total_cap)


def budget_of(ws: Workspace, ledger: Ledger, price: Price, times: Times) -> Budget | None:
    """The caps of the settings, with what the ledger says was spent on an article or a day before."""
    caps = ws.config.budget
    if all(c is None for c in (caps.article, caps.run, caps.day, caps.tokens)):
        return None

    def on_article(slug: str) -> float:
        return sum(price(r.model, r.usage) or 0.0 for r in ledger.paid(f"{slug}/"))

    def on_day(day: str) -> float:
        return sum(price(r.model, r.usage) or 0.0 for r in ledger.paid() if r.at.startswith(day))

    return Budget(
        cap_tokens=caps.tokens,
        cap_cost=caps.run,
        article_cost=caps.article,
        day_cost=caps.day,
        before=Before(on_article, on_day),
        today=lambda: times.now().date().isoformat(),
        price=price,
    )


def sandbox_of(ws: Workspace, watch: Watch) -> Sandbox | None:
    """Where generated code runs; None, with a line that says so, where nothing can confine it."""
    if not ws.config.lab.enabled:
        return None
    try:
        return open_sandbox()
    except SandboxUnavailable as error:
        watch.line(f"no sandbox here, so experiments and witnesses are marked 未运行 ({error})")
        return None
