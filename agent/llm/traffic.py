"""Who may send next: one pool of slots for all articles, fair between them, within what each service takes.

A call that waits holds nothing: neither a slot while it backs off, nor one while its article's first call warms
the vendor's cache. The next free slot goes to the article whose turn it is, round robin; within an article to the
call that waits longest.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from agent.errors import Interrupted, Unavailable
from agent.llm.model import CallEvent, Deferred, Model, Observer, Sleep
from agent.llm.prices import FREE
from agent.llm.rates import Limited, Window
from agent.llm.service import Service, Started
from agent.llm.warmth import Warmth, keeps_prompts
from agent.records import Call, Usage


@dataclass(frozen=True, slots=True)
class TrafficLimits:
    slots: int = 4
    """Calls under way at most, over all articles and services."""
    rpm: float | None = None
    """Requests a minute to one service; None: what its headers say."""
    tpm: float | None = None
    """Tokens a minute, prompt and longest reply together."""
    warm: float = 0.0
    """Seconds the calls that share a start wait for the first of them; 0: none."""
    patience: float = 600.0
    """Seconds a service may be down before the calls that wait for it fail."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A call that waits for its turn."""

    service: Service
    tokens: float
    ready: asyncio.Future[Started]


@dataclass(slots=True, eq=False)
class Turn:
    """A slot that is held. The caller says what became of the request."""

    traffic: Traffic
    model: Model
    service: Service
    started: Started
    prefix: str
    leads: bool
    task: asyncio.Task[object] | None = None
    """Set where nothing is lost when the wait for the answer is broken off."""
    broken_off: bool = False

    def first_token(self) -> None:
        if self.leads:
            self.leads = False
            self.traffic.warmth.warmed(self.prefix)

    def answered(self, usage: Usage) -> None:
        self.first_token()
        self.traffic.succeeded(self, usage)

    def failed(self, error: Unavailable) -> None:
        self.traffic.failed(self, error)


@dataclass(slots=True, eq=False)
class Traffic:
    """Shared by all clients of a run. Belongs to one event loop."""

    limits: TrafficLimits = TrafficLimits()
    observe: Observer = lambda event: None
    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    warmth: Warmth = field(init=False)
    asking: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """Ledger key → held while it is looked up and asked for."""
    stopped: bool = False
    idle: Callable[[], None] = lambda: None
    """Called when a slot is free and nobody waits for it."""
    _free: int = field(init=False)
    _turns: set[Turn] = field(default_factory=set)
    _quiet: asyncio.Event = field(default_factory=asyncio.Event)
    _groups: dict[str, deque[Ticket]] = field(default_factory=dict)
    """Article → its waiting calls, those longest at it first."""
    _served: dict[str, int] = field(default_factory=dict)
    """Article → number of its last turn; the next is that of the one whose last turn is longest ago."""
    _turn: int = 0
    _services: dict[str, Service] = field(default_factory=dict)
    _alarm: asyncio.Task[None] | None = None
    _alarm_at: float = math.inf

    def __post_init__(self) -> None:
        self._free = self.limits.slots
        self.warmth = Warmth(self.limits.warm, self.sleep, self.clock)

    @asynccontextmanager
    async def turn(
        self, model: Model, call: Call, *, prefix: str = "", tokens: float = 0
    ) -> AsyncIterator[Turn]:
        """Hold a slot for one request.

        prefix: names the start this prompt shares with others. tokens: prompt and longest reply, for the limit a
        minute. Raises Interrupted once the traffic was stopped.
        """
        service = self.service(model.identity)
        prefix = f"{model.identity} {prefix}" if prefix and keeps_prompts(model.identity) else ""
        leads = await self.warmth.enter(prefix)
        try:
            started = await self._granted(call.name.partition("/")[0], service, tokens)
            if leads:
                self.warmth.sent(prefix)
            turn = Turn(self, model, service, started, prefix, leads)
            if model.identity.partition(":")[0] in FREE or isinstance(model, Deferred):
                turn.task = asyncio.current_task()
            self._turns.add(turn)
            try:
                yield turn
            except asyncio.CancelledError:
                if not turn.broken_off or turn.task is None or turn.task.uncancel() > 0:
                    raise
                raise Interrupted("stopped while it was waited for") from None
            finally:
                leads = turn.leads
                self._turns.discard(turn)
                service.end(started)
                self._free += 1
                self._grant()
                if not self._turns:
                    self._quiet.set()
        finally:
            if leads:
                self.warmth.gave_up(prefix)

    @property
    def counts_tokens(self) -> bool:
        """True where prompts have to be counted before they are sent."""
        return self.limits.tpm is not None

    def service(self, identity: str) -> Service:
        found = self._services.get(identity)
        if found is None:
            rpm, tpm = Window(self.limits.rpm), Window(self.limits.tpm)
            found = self._services[identity] = Service(identity, self.limits.slots, rpm, tpm)
        return found

    @property
    def services(self) -> tuple[str, ...]:
        """Identities of the services that were asked."""
        return tuple(self._services)

    def down_for(self, identity: str) -> float | None:
        """Seconds for which a service has been down; None while it is up."""
        since = self.service(identity).down_since
        return None if since is None else self.clock() - since

    def stop(self) -> None:
        """Let nothing more be sent. What is under way ends by itself, but for answers that cost nothing (a person
        who answers through a mailbox is not waited for) and those that the service keeps."""
        self.stopped = True
        for turn in self._turns:
            if turn.task is not None:
                turn.broken_off = True
                turn.task.cancel()
        for _, ticket in self._waiting():
            ticket.ready.set_exception(Interrupted("stopped before it was sent"))
        self._groups.clear()
        self.warmth.close()

    async def quiet(self) -> None:
        """Wait until nothing is under way, after `stop`."""
        while self._turns:
            self._quiet.clear()
            await self._quiet.wait()

    def close(self) -> None:
        self.stop()
        if self._alarm is not None:
            self._alarm.cancel()

    @property
    def in_flight(self) -> int:
        """Requests under way whose answers are paid for."""
        return sum(turn.task is None for turn in self._turns)

    def succeeded(self, turn: Turn, usage: Usage) -> None:
        self._heard(turn)
        away = turn.service.succeeded(turn.started, usage, self.clock())
        if away is not None:
            identity = turn.service.identity
            self.observe(
                CallEvent("up", "", model=identity, detail=f"{identity} answers again", seconds=away)
            )
        self._grant()

    def failed(self, turn: Turn, error: Unavailable) -> None:
        self._heard(turn)
        service = turn.service
        if service.failed(turn.started, error, self.clock()):
            detail = f"{service.identity} does not answer ({service.failures} failures in a row, the last: {error})"
            patience = self.limits.patience
            self.observe(CallEvent("down", "", model=service.identity, detail=detail, seconds=patience))
        if self.gave_up(service.identity):
            self._refuse(service, error)

    def gave_up(self, identity: str) -> bool:
        """True where a service has been down for longer than anybody should wait."""
        away = self.down_for(identity)
        return away is not None and away > self.limits.patience

    def _refuse(self, service: Service, error: Unavailable) -> None:
        for group, ticket in self._waiting():
            if ticket.service is service:
                self._take(group, ticket)
                ticket.ready.set_exception(Unavailable(str(error), hint=error.hint))

    def _waiting(self) -> list[tuple[str, Ticket]]:
        return [(g, t) for g, tickets in self._groups.items() for t in tickets if not t.ready.done()]

    def _heard(self, turn: Turn) -> None:
        if isinstance(turn.model, Limited):
            turn.service.heard(turn.model.quotas(), self.clock())

    async def _granted(self, group: str, service: Service, tokens: float) -> Started:
        if self.stopped:
            raise Interrupted("stopped before it was sent")
        ticket = Ticket(service, tokens, asyncio.get_running_loop().create_future())
        self._groups.setdefault(group, deque()).append(ticket)
        self._grant()
        try:
            return await ticket.ready
        except asyncio.CancelledError:
            if ticket.ready.done() and not ticket.ready.cancelled() and ticket.ready.exception() is None:
                service.end(ticket.ready.result())
                self._free += 1
                self._grant()
            elif group in self._groups and ticket in self._groups[group]:
                self._take(group, ticket)
            raise

    def _grant(self) -> None:
        """Give free slots to whoever may start; wake up when the first of the others may."""
        now = self.clock()
        while self._free > 0 and not self.stopped:
            group, ticket, at = self._next(now)
            if ticket is None:
                self._wake_at(at)
                if not self._groups:
                    self.idle()
                return
            self._take(group, ticket)
            self._turn += 1
            self._served[group] = self._turn
            self._free -= 1
            ticket.ready.set_result(ticket.service.start(ticket.tokens, now))

    def _next(self, now: float) -> tuple[str, Ticket | None, float]:
        """The next ticket that may start, or the time from which one may."""
        soonest = math.inf
        # Behind a call that waits for a service's tokens no smaller one slips through: it would wait for ever.
        closed: set[str] = set()
        for group in sorted(self._groups, key=lambda g: self._served.get(g, 0)):
            for ticket in self._groups[group]:
                if ticket.service.identity in closed or ticket.ready.done():
                    continue
                at = ticket.service.opens_at(ticket.tokens, now)
                if at <= now:
                    return group, ticket, now
                closed.add(ticket.service.identity)
                soonest = min(soonest, at)
        return "", None, soonest

    def _take(self, group: str, ticket: Ticket) -> None:
        tickets = self._groups[group]
        tickets.remove(ticket)
        if not tickets:
            del self._groups[group]

    def _wake_at(self, at: float) -> None:
        if at == self._alarm_at and self._alarm is not None:
            return
        if self._alarm is not None and self._alarm is not asyncio.current_task():
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, at
        if at < math.inf:
            self._alarm = asyncio.ensure_future(self._wake(at))

    async def _wake(self, at: float) -> None:
        await self.sleep(max(0.0, at - self.clock()))
        self._alarm, self._alarm_at = None, math.inf
        self._grant()
