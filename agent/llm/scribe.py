"""Writing to the ledger off the event loop: what comes at the same time is stored in one transaction.

A commit waits for the disk (some milliseconds), and replies of one article tend to come together; one at a time on
the event loop they would hold up each other and everything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from agent.llm.ledger import Ledger
from agent.llm.ledger_rows import Row

T = TypeVar("T")
Work = Callable[[], Row]


@dataclass(slots=True, eq=False)
class Scribe:
    """One thread that writes. Belongs to one event loop."""

    ledger: Ledger
    _pending: list[tuple[Work, asyncio.Future[Row]]] = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None
    _pool: ThreadPoolExecutor | None = None

    async def do(self, work: Work) -> Row:
        """``work()``, a ``put`` or ``judge`` of the ledger. It is done even where the caller is cancelled meanwhile:
        the cancellation is raised afterwards."""
        done: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
        self._pending.append((work, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.ensure_future(self._write())
        return await unbroken(done)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="ledger")
        while self._pending:
            batch, self._pending = self._pending, []
            works = [work for work, _ in batch]
            found = await unbroken(loop.run_in_executor(self._pool, self.ledger.in_one, works), raises=False)
            for (_, done), result in zip(batch, found, strict=True):
                if isinstance(result, BaseException):
                    done.set_exception(result)
                else:
                    done.set_result(result)


async def unbroken(future: asyncio.Future[T], *, raises: bool = True) -> T:
    """Await a future to its end; a cancellation that comes meanwhile is raised then, or swallowed."""
    cancelled = False
    while not future.done():
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError:
            cancelled = True
        except Exception:
            break
    if cancelled and raises:
        future.exception()  # seen: the caller's own end goes before what became of it
        raise asyncio.CancelledError
    return future.result()
