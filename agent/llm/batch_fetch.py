"""From a round that was sent to its results: found again, looked at with growing waits, downloaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from agent.errors import Unavailable
from agent.llm.batch_journal import Journal, Round
from agent.llm.batch_results import Result, sorted_out
from agent.llm.model import Sleep
from agent.llm.openai_batches import Batches, Gone, Told

T = TypeVar("T")

FIRST_LOOK = 10.0
"""Seconds before the second look at a batch; each wait is longer than the last by ``GROWTH``."""
GROWTH = 1.5
LONGEST_LOOK = 300.0
LATE = 60.0
"""Seconds after which a batch that the service does not list was never made: a request under way when its process died
may still be acted upon."""
DOWNLOADS = 3
"""Times that results which did not come whole are fetched before what is there is taken."""
STOPPABLE = "this command may be stopped and run again later"


@dataclass(frozen=True, slots=True)
class Fetched:
    told: Told
    results: Mapping[str, Result] = field(default_factory=dict)
    """By ledger key."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Waits for rounds of one model. A service that does not answer is waited for without end: what it holds is paid
    for, and a person can stop the command at any time."""

    service: Batches
    journal: Journal
    sleep: Sleep
    now: Callable[[], datetime]
    tell: Callable[[str], None]

    async def fetch(self, round: Round) -> Fetched | None:
        """What became of a round; None where no batch was ever made of it. Raises ModelError where the service
        refuses to say."""
        if not round.batch:
            found = await self._found(round)
            if found is None:
                return None
            round = found
        told = await self._over(round)
        if told.status == "failed":
            return Fetched(told)
        return Fetched(told, sorted_out(await self._downloaded(told), round.keys))

    async def _found(self, round: Round) -> Round | None:
        told = await self._patiently(lambda: self.service.find(round.id, round.at))
        if told is None and (left := LATE - (self.now() - round.at).total_seconds()) > 0:
            self.tell(f"{len(round.keys)} calls of an earlier run may be on their way; looking for them")
            await self.sleep(min(left, LATE))
            told = await self._patiently(lambda: self.service.find(round.id, round.at))
        if told is not None:
            return self.journal.created(round, told.id)
        self.journal.ended(round, "never made")
        await self.service.forget(round.file)
        return None

    async def _over(self, round: Round) -> Told:
        wait, before = FIRST_LOOK, None
        while True:
            try:
                told = await self._patiently(lambda: self.service.look(round.batch))
            except Gone as gone:
                raise Gone(
                    f"{gone}; {len(round.keys)} calls are in this batch",
                    hint=f"use the key it was made with; to give it up and pay again, remove {self.journal.path}",
                ) from None
            if told != before:
                done, total = told.completed + told.failed, told.total or len(round.keys)
                self.tell(f"batch {told.id}: {done} of {total} calls done ({told.status}); {STOPPABLE}")
            if told.over:
                return told
            before = told
            await self.sleep(wait)
            wait = min(LONGEST_LOOK, GROWTH * wait)

    async def _downloaded(self, told: Told) -> list[object]:
        lines: list[object] = []
        for _ in range(DOWNLOADS):
            try:
                lines, whole = await self._patiently(lambda: self.service.results(told))
            except Gone:
                self.tell(f"batch {told.id}: its results are not there any more, its calls are asked again")
                return []
            if whole:
                break
            self.tell(f"batch {told.id}: its results did not come whole, fetching them again")
            await self.sleep(FIRST_LOOK)
        return lines

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        wait = FIRST_LOOK
        while True:
            try:
                return await ask()
            except Unavailable as error:
                seconds = max(wait, error.retry_after or 0.0)
                self.tell(f"{error}; trying again in {seconds:.0f} s, {STOPPABLE}")
            await self.sleep(seconds)
            wait = min(LONGEST_LOOK, 2 * wait)
