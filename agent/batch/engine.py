"""Who writes an article that the loop has taken up: this process, or another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from agent.pipeline.resources import Resources
from agent.pipeline.run import Draft, Order, write_here

FIRST = 4
"""Articles under way at least, where there are so many: one alone leaves slots idle."""


def at_once(slots: int) -> int:
    """Articles under way to begin with, so that none of so many slots for calls is idle."""
    return max(FIRST, 2 * slots)


class Engine(Protocol):
    """Lock, event log, ledger, budget and limits stay with the loop, whoever writes."""

    @property
    def waiting(self) -> bool:
        """True while nobody has begun an article that was handed over: one more would only wait too."""

    async def write(self, resources: Resources, order: Order) -> Draft:
        """Write an article; see `agent.pipeline.run.Writing`."""


Opener = Callable[[Resources, int], AbstractAsyncContextManager[Engine]]
"""Opens an engine for a run over so many articles."""


class Here:
    """This process."""

    waiting = False

    async def write(self, resources: Resources, order: Order) -> Draft:
        return await write_here(resources, order)


@asynccontextmanager
async def here(resources: Resources, articles: int) -> AsyncIterator[Engine]:
    yield Here()
