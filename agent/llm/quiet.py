"""When nothing more will come by itself: an event loop that knows what it has under way in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

from agent.llm.model import Sleep

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SETTLE = 1.0
"""Seconds between two looks."""
TURNS = 100
"""Turns of the loop without work in threads after which every task waits for something that will not come by itself:
the longest chain of tasks that wake each other is a few turns."""


class WatchedLoop(asyncio.SelectorEventLoop):
    """An event loop that counts what it has given to threads: checks, programs, files, prompts."""

    in_threads = 0

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self.in_threads += 1
        # The first callback, so that whoever waits is woken in the same turn in which the count falls.
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _: asyncio.Future[Any]) -> None:
        self.in_threads -= 1


async def quiet(sleep: Sleep) -> None:
    """Return when nothing in the running loop computes any more: all that could still ask waits for answers. Work in
    threads is seen only where the loop is a `WatchedLoop`."""
    while True:
        await sleep(SETTLE)
        if await _still():
            return


async def _still() -> bool:
    loop = asyncio.get_running_loop()
    for _ in range(TURNS):
        if isinstance(loop, WatchedLoop) and loop.in_threads:
            return False
        await asyncio.sleep(0)
    return True
