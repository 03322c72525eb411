"""One model of an OpenAI-compatible endpoint, asked through its batch API: calls wait until nothing more can join them,
go as one file, and are answered when the batch is done, in this run or a later one.

A call stands in one of three places: in ``_open``, waiting for the next file; in ``_held``, with the service; or in
``_results``, answered before anybody asked. What is held is in the journal too, so that a later run takes the answer
rather than ask again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from agent.errors import ExpandError, Rejected, Unavailable
from agent.llm.batch_fetch import LONGEST_LOOK, STOPPABLE, Fetched, Fetcher
from agent.llm.batch_journal import Journal, Round
from agent.llm.batch_results import Result, id_of
from agent.llm.batch_send import Sender, TooMuch
from agent.llm.keys import key_of
from agent.llm.model import CallEvent, Observer, Sleep, Staying
from agent.llm.openai import OpenAIModel
from agent.llm.openai_batches import ENDPOINT, Batches, Told
from agent.llm.openai_errors import error_of
from agent.llm.quiet import quiet
from agent.llm.retry import RetryPolicy
from agent.records import Call, Reply

FILE_CALLS = 50_000
FILE_BYTES = 200_000_000
"""What services take in one file."""
TRIES = 3
"""Rounds in which a call is sent that the service keeps failing to run."""
FIRST_PAUSE = 30.0
"""Seconds before a file is sent again that was too much for the service; doubles."""
LAST_WORDS = 10.0
"""Seconds that are left, when the run ends, for a batch that is being made and for files to be deleted."""
TOO_MUCH = "token_limit_exceeded"
"""Code of a batch that was refused because too many tokens wait already."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A call that is waited for."""

    call: Call
    key: str
    body: Mapping[str, Any]
    """As it was sent last: complaints are about this one."""
    answer: asyncio.Future[Reply]
    tries: int = 0

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            # Each its own: one instance raised in many tasks would gather the tracebacks of all.
            own = isinstance(error, ExpandError)
            self.answer.set_exception(
                type(error)(f"{self.call.name}: {error}", hint=error.hint) if own else error  # type: ignore[call-arg,attr-defined]
            )


@dataclass(slots=True, eq=False)
class Collected:
    """A round whose answers were given out; it ends when all of them are on the disk."""

    round: Round
    told: Told
    keys: set[str] = field(default_factory=set)


class BatchModel:
    """One model of one endpoint, asked through files. Belongs to one event loop."""

    def __init__(
        self,
        inner: OpenAIModel,
        journal: Journal,
        stored: Callable[[str], bool],
        retry: RetryPolicy,
        sleep: Sleep,
        now: Callable[[], datetime],
        observe: Observer,
    ) -> None:
        self.spec, self.identity = inner.spec, inner.identity
        self._inner, self._journal, self._stored = inner, journal, stored
        self._sleep, self._observe = sleep, observe
        self._service = Batches(inner)
        self._fetcher = Fetcher(self._service, journal, sleep, now, self._tell)
        self._sender = Sender(self._service, journal, retry, sleep, self._tell)
        self._waiting: dict[str, Waiting] = {}
        self._open: dict[str, Waiting] = {}
        self._held = {key: r.id for r in journal.outstanding(self.identity) for key in r.keys}
        self._results: dict[str, Result] = {}
        self._own: set[str] = set()
        """Rounds that this process sent."""
        self._sending: asyncio.Task[None] | None = None
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._away: set[str] = set()
        """Rounds that the service is not done with."""
        self._over = asyncio.Event()
        self._collected: list[Collected] = []
        self._most = FILE_CALLS
        """Calls a file, as learnt."""
        self._refused = 0
        """Calls in the file that was too much, until there is room again."""
        self._pause = FIRST_PAUSE

    @property
    def context_window(self) -> int | None:
        return self._inner.context_window

    def staying(self) -> Staying:
        rounds = [self._journal.rounds[self._held[key]] for key in self._waiting if key in self._held]
        made = [round.id for round in rounds if round.batch]
        return Staying(len(made), len(set(made)))

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        """The answer, when the batch that holds the call is done. Nothing is lost when the wait is broken off."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        waiting = Waiting(call, key_of(call), self._inner.body(call), future)
        self._waiting[waiting.key] = waiting
        try:
            self._place(waiting)
            return await future
        finally:
            self._waiting.pop(waiting.key, None)
            self._open.pop(waiting.key, None)

    async def aclose(self) -> None:
        """Stop waiting; what is with the service stays there."""
        if self._sending is not None and self._sender.making:
            await asyncio.wait({self._sending}, timeout=LAST_WORDS)
        tasks = [t for t in (self._sending, *self._fetching.values()) if t is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            with suppress(TimeoutError, ExpandError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._sweep()
        finally:
            await self._inner.aclose()

    def _place(self, waiting: Waiting) -> None:
        result, held = self._results.pop(waiting.key, None), self._held.get(waiting.key)
        if result is not None:
            self._take(waiting, result, own=False)
        elif held is not None:
            self._follow(self._journal.rounds[held])
        else:
            self._join(waiting)

    def _join(self, waiting: Waiting) -> None:
        if waiting.answer.done():
            return
        self._open[waiting.key] = waiting
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._send_rounds())

    async def _send_rounds(self) -> None:
        try:
            while self._open:
                await quiet(self._sleep)
                if self._refused:
                    await self._room()
                await self._send_one()
        except Exception as error:
            # The journal cannot be written, or the program is wrong: whoever waits must hear of it.
            for waiting in list(self._open.values()):
                waiting.fail(error)

    async def _send_one(self) -> None:
        chunk, data = self._file()
        if not chunk:
            return
        round = self._journal.opened(self.identity, tuple(w.key for w in chunk))
        self._own.add(round.id)
        for waiting in chunk:
            self._held[waiting.key] = round.id
            del self._open[waiting.key]
        try:
            sent = await self._sender.send(round, data, lambda: any(k in self._waiting for k in round.keys))
        except TooMuch as much:
            self._tell(str(much))
            self._release(round)
            self._refused = len(chunk)
            # First in the next file, as they were in this one.
            self._open = {w.key: w for w in chunk if not w.answer.done()} | self._open
        except Exception as error:
            for waiting in chunk:
                waiting.fail(error)
            if self._journal.rounds[round.id].ended:
                self._release(round)
        else:
            if sent is None:
                self._release(round)
                return
            self._tell(f"{len(chunk)} calls are with the service as batch {sent.batch}; {STOPPABLE}")
            self._follow(sent)

    def _file(self) -> tuple[list[Waiting], bytes]:
        """The calls of the next file, and the file."""
        chunk: list[Waiting] = []
        lines: list[bytes] = []
        size = 0
        for waiting in self._open.values():
            body = self._inner.body(waiting.call)
            line = {"custom_id": id_of(waiting.key), "method": "POST", "url": ENDPOINT, "body": body}
            data = json.dumps(line, ensure_ascii=False).encode("utf-8") + b"\n"
            if chunk and (len(chunk) >= self._most or size + len(data) > FILE_BYTES):
                break
            waiting.body = body
            chunk.append(waiting)
            lines.append(data)
            size += len(data)
        return chunk, b"".join(lines)

    async def _room(self) -> None:
        """Wait until the service may take more: until a batch of ours is done, else for a while, and with less."""
        count, self._refused = self._refused, 0
        if self._away:
            self._over.clear()
            await self._over.wait()
            return
        await self._sleep(self._pause)
        if self._pause > FIRST_PAUSE:  # the second time: it is not only that requests came too fast
            self._most = max(1, count // 2)
        self._pause = min(LONGEST_LOOK, 2 * self._pause)

    def _follow(self, round: Round) -> None:
        if round.id not in self._fetching:
            self._away.add(round.id)
            self._fetching[round.id] = asyncio.ensure_future(self._fetch(round))

    async def _fetch(self, round: Round) -> None:
        try:
            try:
                fetched = await self._fetcher.fetch(round)
            finally:
                self._away.discard(round.id)
                self._over.set()
            self._deal(self._journal.rounds[round.id], fetched)
            await self._tidy()
        except Exception as error:
            for waiting in self._of(round):
                waiting.fail(error)
        finally:
            del self._fetching[round.id]

    def _of(self, round: Round) -> list[Waiting]:
        return [self._waiting[key] for key in round.keys if key in self._waiting]

    def _release(self, round: Round) -> None:
        for key in round.keys:
            if self._held.get(key) == round.id:
                del self._held[key]

    def _deal(self, round: Round, fetched: Fetched | None) -> None:
        """Give every call of a round what became of it."""
        waiting = self._of(round)
        self._release(round)
        if fetched is None:
            for one in waiting:
                self._join(one)
        elif fetched.told.status == "failed":
            self._journal.ended(round, "failed")
            self._collected.append(Collected(round, fetched.told))
            self._refuse(round, fetched.told, waiting)
        else:
            self._pause = FIRST_PAUSE
            answered = {key: result for key, result in fetched.results.items() if result.answered}
            self._collected.append(Collected(round, fetched.told, set(answered)))
            self._results |= {k: result for k, result in answered.items() if k not in self._waiting}
            for one in waiting:
                self._take(one, fetched.results.get(one.key), own=round.id in self._own, told=fetched.told)

    def _refuse(self, round: Round, told: Told, waiting: Iterable[Waiting]) -> None:
        """A batch that never ran: too much at once, or lines that the service does not take."""
        if any(c.code == TOO_MUCH for c in told.complaints):
            self._tell(f"batch {told.id}: {told.complaints[0].message}")
            self._refused = len(round.keys)
            if not self._away:
                self._most = max(1, self._refused // 2)
            for one in waiting:
                self._join(one)
            return
        lines = {c.line: c for c in told.complaints if c.line}
        said = "; ".join(f"{c.code}: {c.message}" for c in told.complaints[:3]) or "it does not say why"
        for one in waiting:
            mine = lines.get(round.keys.index(one.key) + 1)
            if mine is not None:
                one.fail(Rejected(f"{self.identity}: {mine.code}: {mine.message}"))
            elif lines:
                self._again(one, f"another call of batch {told.id} was refused")
            else:
                one.fail(Rejected(f"{self.identity}: batch {told.id} was refused: {said}"))

    def _take(self, waiting: Waiting, result: Result | None, *, own: bool, told: Told | None = None) -> None:
        if waiting.answer.done():
            return
        if result is not None and result.answered:
            try:
                reply = self._inner.answered(waiting.call, result.body)
            except Unavailable as error:
                self._again(waiting, str(error))
            else:
                waiting.answer.set_result(replace(reply, usage=replace(reply.usage, batched=True)))
        elif result is not None and result.status >= 400:
            self._complain(waiting, result, own=own)
        elif told is not None and told.status == "cancelled":
            hint = "run the same command again to send its open calls anew"
            waiting.fail(
                Rejected(f"{self.identity}: batch {told.id} was cancelled at the service", hint=hint)
            )
        else:
            self._again(waiting, self._inner.quoted((result and result.reason) or "no answer came"))

    def _complain(self, waiting: Waiting, result: Result, *, own: bool) -> None:
        if not own:
            # What the body was like that an earlier run sent is not known, nor what it had learnt since.
            self._again(waiting, f"HTTP {result.status} in an earlier run")
            return
        failure = self._inner.complaint(
            waiting.call, dict(waiting.body), error_of(result.status, result.body)
        )
        if failure is None:
            self._join(waiting)
        elif isinstance(failure, Unavailable):
            self._again(waiting, str(failure))
        else:
            waiting.answer.set_exception(failure)

    def _again(self, waiting: Waiting, why: str) -> None:
        waiting.tries += 1
        if waiting.tries < TRIES:
            self._join(waiting)
        else:
            waiting.fail(Unavailable(f"{self.identity}: {TRIES} batches gave no answer, the last: {why}"))

    async def _sweep(self) -> None:
        """Tidy up, also behind a run that was killed when it had stored all answers of a round."""
        given = {one.round.id for one in self._collected}
        for round in self._journal.outstanding(self.identity):
            if round.batch and round.id not in given and all(self._stored(key) for key in round.keys):
                self._collected.append(Collected(round, await self._service.look(round.batch)))
        await self._tidy()

    async def _tidy(self) -> None:
        """End the rounds whose answers are all stored, and delete their files at the service."""
        for one in list(self._collected):
            one.keys -= {key for key in one.keys if self._stored(key)}
            if one.keys or one not in self._collected:
                continue
            self._collected.remove(one)
            if not self._journal.rounds[one.round.id].ended:
                self._journal.ended(one.round, "collected")
            await self._service.forget(one.told.input, one.round.file, one.told.output, one.told.errors)

    def _tell(self, text: str) -> None:
        self._observe(CallEvent("round", "", model=self.identity, detail=text))
