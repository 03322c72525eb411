"""Many articles at once: taken up in plan order, failed ones tried once more, one that fails stops no other.

At most twice as many articles are under way as there are slots, so that each of two hundred is finished soon after
it was begun; one more is taken up whenever a slot finds nobody waiting, so that no slot is ever idle while there is
something to do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.batch.engine import Engine, Opener, at_once, here
from agent.errors import (
    BudgetReached,
    ClusterError,
    ContextOverflow,
    ExpandError,
    Interrupted,
    LedgerError,
    Locked,
    ModelError,
    NotConfigured,
    Rejected,
    Unavailable,
)
from agent.llm.quiet import WatchedLoop
from agent.pipeline.job import Progress
from agent.pipeline.resources import Resources, shared
from agent.pipeline.run import Finished, expand_one
from agent.pipeline.stop import AGAIN, stopped_by_hand
from agent.pipeline.times import Times
from agent.pipeline.watch import Watch
from agent.workspace import Workspace, derive, slug_of

Ending = Literal["draft", "failed", "budget", "locked", "left"]
HOPELESS = 3
"""So many articles that the service refuses, and none that it takes, mean it will refuse all."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one article."""

    slug: str
    ending: Ending
    """draft: it has one · failed: twice, or for good · budget: a cap stopped it · locked: another process has it ·
    left: not finished, and the same command goes on with it."""
    finished: Finished | None = None
    error: ExpandError | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """What became of a batch."""

    articles: tuple[Ended, ...]
    """In the order they were named."""
    seconds: float
    interrupted: bool = False

    @property
    def left(self) -> tuple[Ended, ...]:
        return tuple(a for a in self.articles if a.ending in ("left", "budget"))

    @property
    def code(self) -> int:
        """Exit code: what a person has to act on first."""
        if self.interrupted:
            return 130
        endings = {a.ending for a in self.articles}
        if "budget" in endings:
            return BudgetReached.exit_code
        failed = [a.error.exit_code for a in self.articles if a.error and a.ending in ("failed", "left")]
        if failed:
            return max(failed)
        if endings == {"locked"}:
            return Locked.exit_code
        return 0 if all(a.finished.passed for a in self.articles if a.finished) else 1


def expand_all(
    ws: Workspace,
    paths: Sequence[Path],
    *,
    spec: str | None,
    watch: Watch,
    slots: int | None = None,
    times: Times | None = None,
    batched: bool = False,
    engine: Opener = here,
) -> Whole:
    """Expand articles side by side.

    ``slots``: calls under way at most; None takes the setting. ``batched``: calls go to a batch API, those of all
    articles in the same files. ``engine``: who writes them. Raises LedgerError when replies cannot be stored any more
    (nothing is asked then, since its answer would be lost), and what opening the engine raises; every other failure
    is in what it gives.
    """

    async def main() -> Whole:
        async with (
            shared(ws, watch, slots=slots, times=times, batched=batched) as resources,
            engine(resources, len(paths)) as opened,
        ):
            batch = _Batch(resources, paths, spec, opened)
            try:
                async with stopped_by_hand(resources):
                    await batch.run()
            except Interrupted:
                return batch.whole(interrupted=True)
            return batch.whole()

    with asyncio.Runner(loop_factory=WatchedLoop if batched else None) as runner:
        return runner.run(main())


class _Batch:
    """The loop of `expand_all`."""

    def __init__(self, resources: Resources, paths: Sequence[Path], spec: str | None, engine: Engine) -> None:
        self._resources = resources
        self._engine = engine
        self._spec = spec
        self._paths = {slug_of(p): p for p in paths}
        self._queue = deque(self._paths)
        self._active: dict[asyncio.Task[Finished], str] = {}
        self._ended: dict[str, Ended] = {}
        self._tried_again: set[str] = set()
        self._wanted = at_once(resources.traffic.limits.slots)
        self._woken = asyncio.Event()
        self._fatal: BaseException | None = None
        self._begun = resources.times.clock()
        resources.traffic.idle = self._on_idle

    async def run(self) -> None:
        """Until every article has ended, or nothing more may be begun."""
        try:
            while True:
                self._take_up()
                if not self._active:
                    break
                await self._next()
        finally:
            await self._drop()
        if self._fatal is not None:
            raise self._fatal
        if self._resources.traffic.stopped:
            raise Interrupted("interrupted", hint=AGAIN)

    def whole(self, *, interrupted: bool = False) -> Whole:
        left = [Ended(slug, "left") for slug in self._paths if slug not in self._ended]
        ended = {**self._ended, **{e.slug: e for e in left}}
        seconds = self._resources.times.clock() - self._begun
        return Whole(tuple(ended[slug] for slug in self._paths), round(seconds, 3), interrupted)

    def _take_up(self) -> None:
        while self._queue and len(self._active) < self._wanted and not self._resources.traffic.stopped:
            slug = self._queue.popleft()
            path, write = self._paths[slug], self._engine.write
            work = expand_one(self._resources, path, spec=self._spec, many=True, write=write)
            self._active[asyncio.create_task(work, name=slug)] = slug
        self._tell("batch")

    async def _next(self) -> None:
        """Wait until an article ends or a slot is idle."""
        self._woken.clear()
        woken = asyncio.ensure_future(self._woken.wait())
        done, _ = await asyncio.wait({*self._active, woken}, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        for task in done - {woken}:
            self._note(self._active.pop(task), task)  # type: ignore[arg-type]

    def _on_idle(self) -> None:
        if self._queue and len(self._active) >= self._wanted and not self._engine.waiting:
            self._wanted = len(self._active) + 1
            self._woken.set()

    def _note(self, slug: str, task: asyncio.Task[Finished]) -> None:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            self._end(Ended(slug, "draft", finished=task.result()))
        elif isinstance(error, (Interrupted, asyncio.CancelledError)):
            self._tell("end", slug, "left")
        elif isinstance(error, Locked):
            self._resources.watch.line(f"{slug} is being worked on by another process, passing on")
            self._end(Ended(slug, "locked", error=error))
        elif isinstance(error, BudgetReached):
            self._end(Ended(slug, "budget", error=error))
            if not error.article:
                self._queue.clear()
        elif isinstance(error, LedgerError) or not isinstance(error, ExpandError):
            self._stop(error)
        else:
            self._failed(slug, error)

    def _failed(self, slug: str, error: ExpandError) -> None:
        if isinstance(error, Unavailable) and any(
            self._resources.traffic.gave_up(s) for s in self._resources.traffic.services
        ):
            self._leave(slug, error)
            return
        if isinstance(error, ClusterError):
            self._leave(slug, error)
            return
        again = isinstance(error, ModelError) and not isinstance(
            error, (Rejected, NotConfigured, ContextOverflow)
        )
        if again and slug not in self._tried_again and self._open(slug):
            self._tried_again.add(slug)
            self._resources.watch.line(
                f"{slug} failed and is tried once more when the others are done: {error}"
            )
            self._queue.append(slug)
            self._tell("end", slug, "again")
            return
        told = str(error).startswith((f"{slug}:", f"{slug}/"))
        self._resources.watch.line(f"failed: {error}" if told else f"{slug} failed: {error}")
        self._end(Ended(slug, "failed", error=error))
        refused = [e for e in self._ended.values() if isinstance(e.error, (Rejected, NotConfigured))]
        if len(refused) == len(self._ended) >= HOPELESS:
            self._queue.clear()

    def _leave(self, slug: str, error: ExpandError) -> None:
        """All others would fail alike; they are not charged with it."""
        self._queue.clear()
        self._end(Ended(slug, "left", error=error))

    def _open(self, slug: str) -> bool:
        state = derive(self._resources.ws.events.read()).get(slug)
        return state is not None and state.open

    def _stop(self, error: BaseException) -> None:
        """Replies can no longer be stored, or the program is wrong: ask nothing more, let what is under way end."""
        if self._fatal is None:
            self._fatal = error
            self._resources.watch.line(f"stopping: {error}")
        self._queue.clear()
        self._resources.traffic.stop()

    def _end(self, ended: Ended) -> None:
        self._ended[ended.slug] = ended
        if ended.ending != "draft":
            self._tell("end", ended.slug, ended.ending)
        self._tell("batch")

    def _tell(self, kind: Literal["batch", "end"], slug: str = "", text: str = "") -> None:
        self._resources.watch.progress(Progress(kind, slug, text, len(self._ended), len(self._paths)))

    async def _drop(self) -> None:
        """End what is still under way, and wait for it: a task that is cancelled still stores what it holds."""
        for task in self._active:
            task.cancel()
        await asyncio.gather(*self._active, return_exceptions=True)
        for task, slug in self._active.items():
            if not task.cancelled() and task.exception() is None:
                self._end(Ended(slug, "draft", finished=task.result()))
        self._active.clear()
