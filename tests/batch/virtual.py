"""Time that passes only when nobody has anything to do, for tests of waiting without waiting."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from agent.llm.ledger_rows import Row
from agent.records import Call, Reply, Usage

T = TypeVar("T")
SETTLED = 60
"""Turns of the loop after which everything that can happen without time has happened."""


class VirtualTime:
    """``sleep`` and ``clock`` of one simulated clock. Works for code without threads and sockets."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + max(0.0, seconds), next(self._order), woken))
        await woken

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run to the end. Fails where everybody waits and nobody sleeps."""

        async def drive() -> T:
            task = asyncio.create_task(main)
            while not task.done():
                for _ in range(SETTLED):
                    await asyncio.sleep(0)
                if task.done():
                    break
                while self._sleepers and self._sleepers[0][2].done():
                    heapq.heappop(self._sleepers)
                assert self._sleepers, "everybody waits and nobody sleeps"
                at, _, woken = heapq.heappop(self._sleepers)
                self.now = max(self.now, at)
                woken.set_result(None)
            return await task

        return asyncio.run(drive())


class Inline:
    """A scribe that writes at once, without a thread."""

    async def do(self, work: Callable[[], Row]) -> Row:
        return work()

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Simulated:
    """A service: ``behave(number, now)`` gives the seconds an answer takes, or raises; number counts from 1."""

    time: VirtualTime
    behave: Callable[[int, float], float]
    identity: str = "openai:simulated"
    spec: str = "openai:simulated"
    context_window: int | None = None
    first: float = 0.1
    """Share of an answer's time after which its first token comes."""
    sent: list[tuple[float, str]] = field(default_factory=list)
    """(time, call name) of every request."""
    under_way: int = 0
    most: int = 0

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        self.sent.append((self.time.now, call.name))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            seconds = self.behave(len(self.sent), self.time.now)
            await self.time.sleep(seconds * self.first)
            if on_token is not None:
                on_token(1)
            await self.time.sleep(seconds * (1 - self.first))
        finally:
            self.under_way -= 1
        return Reply("好。", usage=Usage(100, 0, 10))

    async def aclose(self) -> None:
        """Nothing is open."""
