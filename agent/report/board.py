"""What is known of a run while it goes on, added up from its events. It draws nothing; `live` does."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.llm import CallEvent, Price
    from agent.pipeline.job import Progress

SPAN = 20.0
"""Seconds over which tokens a second are counted."""


@dataclass(slots=True)
class Line:
    """One article under way."""

    slug: str
    title: str
    begun: float
    expected: int = 0
    """Calls, as estimated."""
    stage: str = ""
    done: int = 0
    parts: int = 0
    """Parts written, of so many."""
    calls: int = 0
    reused: int = 0
    tokens: int = 0
    """Reply tokens."""
    cost: float | None = 0.0
    sent: set[str] = field(default_factory=set)
    """Names of calls under way."""


@dataclass(frozen=True, slots=True)
class Totals:
    articles: int
    ended: int
    """Articles with a draft or given up."""
    drafts: int
    failed: int
    active: int
    in_flight: int
    calls: int
    reused: int
    rejected: int
    prompt: int
    cached: int
    tokens: int
    rate: float
    """Reply tokens a second, of late."""
    cost: float | None
    """US dollars; None where a price is unknown."""
    seconds: float
    left: float | None
    """Seconds, a guess; None before there is anything to go by."""


class Board:
    """Called from the event loop and from threads; read from the thread that draws."""

    def __init__(self, price: Price | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._price = price
        self._clock = clock
        self._lock = threading.Lock()
        self._begun = clock()
        self._lines: dict[str, Line] = {}
        self._endings: dict[str, str] = {}
        self._articles = 0
        self._expected: dict[str, int] = {}
        self._arrived: dict[str, int] = {}
        self._flow: deque[tuple[float, int]] = deque()
        self._sums = {"calls": 0, "reused": 0, "rejected": 0, "prompt": 0, "cached": 0, "tokens": 0}
        self._cost: float | None = 0.0
        self._down: dict[str, str] = {}

    def progress(self, p: Progress) -> None:
        with self._lock:
            if p.kind == "batch":
                self._articles = p.total
            elif p.kind == "end":
                self._lines.pop(p.slug, None)
                self._endings[p.slug] = p.text
            elif p.kind == "begin":
                line = self._line(p.slug)
                line.title, line.expected = p.text or p.slug, p.total
                self._expected[p.slug] = p.total
            else:
                line = self._line(p.slug)
                if p.kind in ("stage", "parts"):
                    line.stage = p.text
                if p.kind in ("parts", "part"):
                    line.done, line.parts = p.done, p.total
                if p.kind == "parts":
                    self._expect(line, p.calls)

    def call(self, event: CallEvent) -> None:
        with self._lock:
            if event.kind in ("down", "up"):
                self._down.pop(event.model, None)
                if event.kind == "down":
                    self._down[event.model] = event.detail
                return
            slug = event.name.partition("/")[0]
            if slug:
                self._count(self._line(slug), event)

    def _expect(self, line: Line, calls: int) -> None:
        """The division is there: what is to come is known better than before."""
        made = line.calls + line.reused + calls
        line.expected = self._expected[line.slug] = max(line.expected, made)

    def _count(self, line: Line, event: CallEvent) -> None:
        if event.kind == "sent":
            line.sent.add(event.name)
        elif event.kind == "tokens":
            self._flowing(event.name, event.tokens)
        elif event.kind == "wait":
            line.sent.discard(event.name)
            self._arrived.pop(event.name, None)
        elif event.kind == "reused":
            line.reused += 1
            self._sums["reused"] += 1
        elif event.kind in ("stored", "rejected") and event.usage is not None:
            self._stored(line, event)

    def _stored(self, line: Line, event: CallEvent) -> None:
        usage = event.usage
        assert usage is not None
        line.sent.discard(event.name)
        self._flowing(event.name, usage.completion)
        self._arrived.pop(event.name, None)
        line.calls += 1
        line.tokens += usage.completion
        cost = self._price(event.model, usage) if self._price else None
        line.cost = None if cost is None or line.cost is None else line.cost + cost
        self._cost = None if cost is None or self._cost is None else self._cost + cost
        self._sums["calls"] += 1
        self._sums["rejected"] += event.kind == "rejected"
        self._sums["prompt"] += usage.prompt
        self._sums["cached"] += usage.cached
        self._sums["tokens"] += usage.completion

    def _flowing(self, name: str, tokens: int) -> None:
        more = tokens - self._arrived.get(name, 0)
        self._arrived[name] = max(tokens, self._arrived.get(name, 0))
        if more > 0:
            self._flow.append((self._clock(), more))
        while self._flow and self._flow[0][0] < self._clock() - SPAN:
            self._flow.popleft()

    def _line(self, slug: str) -> Line:
        if slug not in self._lines:
            self._lines[slug] = Line(slug, slug, self._clock())
        return self._lines[slug]

    def lines(self) -> list[Line]:
        """Articles under way, those longest at it first."""
        with self._lock:
            return self._sorted()

    def _sorted(self) -> list[Line]:
        return sorted(self._lines.values(), key=lambda x: (x.begun, x.slug))

    def down(self) -> list[str]:
        """Services that do not answer, in words."""
        with self._lock:
            return list(self._down.values())

    def totals(self) -> Totals:
        with self._lock:
            now = self._clock()
            seconds = now - self._begun
            span = max(min(SPAN, seconds), 1e-9)
            drafts = sum(e == "draft" for e in self._endings.values())
            failed = sum(e in ("failed", "budget") for e in self._endings.values())
            ended = sum(e not in ("again", "left") for e in self._endings.values())
            articles = max(self._articles, len(self._lines) + ended)
            return Totals(
                articles, ended, drafts, failed, len(self._lines),
                in_flight=sum(len(x.sent) for x in self._lines.values()),
                rate=sum(n for at, n in self._flow if at >= now - span) / span,
                cost=self._cost, seconds=seconds, left=self._left(articles, ended, seconds), **self._sums,
            )  # fmt: skip

    def _left(self, articles: int, ended: int, seconds: float) -> float | None:
        """Calls that are still to come at the pace so far. An article that needs more than was expected counts as
        nearly done."""
        if self._sums["calls"] < 3 or not self._expected:
            return None
        mean = sum(self._expected.values()) / len(self._expected)
        active = sum(max(1, x.expected - x.calls - x.reused) for x in self._lines.values())
        waiting = (articles - ended - len(self._lines)) * mean
        return seconds * (active + waiting) / self._sums["calls"]

    def snapshot(self) -> Mapping[str, Any]:
        """The board as JSON, for other programs and `expand status --watch`."""
        from dataclasses import asdict

        with self._lock:  # a line is changed while it is copied otherwise
            rows = [
                {**asdict(x), "sent": len(x.sent), "begun": round(self._clock() - x.begun, 1)}
                for x in self._sorted()
            ]
        return {"totals": asdict(self.totals()), "articles": rows, "down": self.down()}
