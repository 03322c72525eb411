"""Where work is done that would block the event loop: generated programs, and checks beside them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Workshop:
    """Programs run one a processor, however many articles are written at once, so that their limits of time mean
    what they say; they have threads of their own, so that a check or a prompt never waits for an experiment."""

    benches: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Programs at a time."""
    _pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a program's supervisor in turn, first come first served."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.benches, thread_name_prefix="lab")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))

    def close(self) -> None:
        """Begin nothing more; programs that run end by their limits."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
