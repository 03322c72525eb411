"""From calls to a batch: the file is uploaded, the batch made, and each step written down before the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from agent.errors import LedgerError, ModelError, Unavailable
from agent.llm.batch_journal import Journal, Round
from agent.llm.model import Sleep
from agent.llm.openai_batches import Batches, Gone, Told
from agent.llm.retry import RetryPolicy, retried

T = TypeVar("T")


class TooMuch(ModelError):
    """The service has too much waiting already."""


@dataclass(slots=True, eq=False)
class Sender:
    """Sends rounds of one model, one at a time."""

    service: Batches
    journal: Journal
    retry: RetryPolicy
    sleep: Sleep
    tell: Callable[[str], None]
    making: bool = False
    """True while a batch may exist whose ID is not written down."""

    async def send(self, round: Round, data: bytes, wanted: Callable[[], bool]) -> Round | None:
        """The round with its batch; None where nobody waits for it any more when its file is there.

        Raises TooMuch where the service takes no more for now, ModelError where it will not have the round; the
        round then has ended. After Unavailable it has not where a batch may have been made all the same.
        """
        try:
            file = await self._tried(lambda: self.service.upload(f"expand-{round.id}.jsonl", data))
            round = self.journal.uploaded(round, file)
            if not wanted():
                await self._end(round, "not wanted")
                return None
            self.making = True
            made = await self._made(round)
            return self.journal.created(round, made.id)
        except LedgerError:
            raise
        except Gone as gone:
            await self._end(round, "refused")
            hint = "this endpoint seems to have no batch API: leave --via out"
            raise Gone(str(gone), hint=hint) from None
        except ModelError as error:
            if not (self.making and isinstance(error, Unavailable)):
                await self._end(round, "refused")
            raise
        finally:
            self.making = False

    async def _end(self, round: Round, why: str) -> None:
        self.journal.ended(round, why)
        await self.service.forget(round.file)

    async def _made(self, round: Round) -> Told:
        unsure = False

        async def once() -> Told:
            nonlocal unsure
            # A request whose answer was lost may have been acted upon: making it again would pay twice.
            if unsure and (found := await self.service.find(round.id, round.at)) is not None:
                return found
            try:
                return await self.service.create(round.file, round.id)
            except Unavailable as error:
                if error.limited:
                    raise TooMuch(str(error)) from None
                unsure = True
                raise

        return await self._tried(once)

    async def _tried(self, ask: Callable[[], Awaitable[T]]) -> T:
        def on_wait(seconds: float, reason: str) -> None:
            self.tell(f"{reason}; trying again in {seconds:.0f} s")

        return await retried(self.retry, ask, sleep=self.sleep, on_wait=on_wait)
