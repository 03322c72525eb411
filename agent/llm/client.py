"""Asking: ``ask`` (tries) → ledger → budget → transport retry → its turn → vendor, one concern a call.

The caller sees a usable answer or a named error; attempts, storage, caps and retries cannot be told from
outside.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from agent.errors import ContextOverflow, NotConfigured, Unavailable
from agent.llm.asking import Judged, ask
from agent.llm.budget import Budget, Reserved, worst_case
from agent.llm.keys import key_of
from agent.llm.ledger import Ledger
from agent.llm.ledger_rows import Row
from agent.llm.model import CallEvent, Deferred, EventKind, Model, Observer, Recorded, Sleep
from agent.llm.request import Answer, Request
from agent.llm.retry import RetryPolicy, retried
from agent.llm.scribe import Scribe
from agent.llm.traffic import Traffic, TrafficLimits
from agent.llm.usage import prompt_tokens
from agent.records import Call, Reply, Usage

T = TypeVar("T")

DEFAULT_ROLE = "default"


class Client:
    """Asks models, at most ``concurrency`` at a time, and never for an answer that is stored.

    models: by role; the role ``"default"`` stands in for one that is not named. traffic: the slots and limits that
    several clients share, scribe: who writes to the ledger for them; without one, this client has its own.
    """

    def __init__(
        self,
        ledger: Ledger,
        models: Mapping[str, Model],
        *,
        retry: RetryPolicy | None = None,
        budget: Budget | None = None,
        concurrency: int = 4,
        traffic: Traffic | None = None,
        scribe: Scribe | None = None,
        observe: Observer | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._scribe = scribe or Scribe(ledger)
        self._models = dict(models)
        self._retry = retry or RetryPolicy()
        self._budget = budget or Budget()
        self._observe = observe or (lambda event: None)
        limits = TrafficLimits(concurrency, patience=self._retry.total)
        self._traffic = traffic or Traffic(limits, self._observe, sleep, clock)
        self._sleep = sleep
        self._clock = clock

    async def ask(self, request: Request[T]) -> Answer[T]:
        """The first usable answer, from the ledger or from the model.

        Raises CutOff, EmptyReply, Refused or Malformed when the attempts are used up, ContextOverflow before
        a prompt that does not fit, BudgetReached before a call that could break the cap, Unavailable when the
        service kept failing, and what else the vendor raises of ModelError.
        """
        return await ask(self, request)

    def identity(self, role: str) -> str:
        return self.model(role).identity

    async def holds(self, call: Call) -> bool:
        return self._ledger.get(key_of(call)) is not None

    async def row(self, role: str, call: Call, prefix: str) -> tuple[Row, bool]:
        """The reply out of the ledger, put there first where it is missing; see `agent.llm.asking.Source`."""
        model = self.model(role)
        row = await self._stored(model, call, prefix)
        return row, self._is_changed(model, call)

    async def judge(self, key: str, name: str, status: Judged, problem: str) -> Row:
        judged = await self._scribe.do(lambda: self._ledger.judge(key, status, problem))
        judged = replace(judged, name=name)
        kind: EventKind = "rejected" if status == "rejected" else "stored"
        self._tell(kind, judged, detail=judged.problem, seconds=judged.seconds)
        return judged

    def model(self, role: str) -> Model:
        """The model of a role. Raises NotConfigured where there is none."""
        found = self._models.get(role) or self._models.get(DEFAULT_ROLE)
        if found is None:
            raise NotConfigured(
                f"no model for the role {role}", hint="name one in config.toml or with --model"
            )
        return found

    async def aclose(self) -> None:
        """Close all models; the ledger stays the caller's."""
        self._scribe.close()
        for model in {id(m): m for m in self._models.values()}.values():
            await model.aclose()

    async def _stored(self, model: Model, call: Call, prefix: str) -> Row:
        """The reply out of the ledger, put there first where it is missing."""
        key = key_of(call)
        # Two tasks that ask the same at once, of two articles even, must not both pay for it.
        lock = self._traffic.asking.setdefault(key, asyncio.Lock())
        async with lock:
            row = self._ledger.get(key)
            if row is not None:
                # Another article may have asked the very same; the row bears that one's name.
                self._tell("reused", replace(row, name=call.name))
                return row
            return await self._within_limits(model, call, prefix)

    async def _within_limits(self, model: Model, call: Call, prefix: str) -> Row:
        """Context window and budget are kept before anything is sent."""
        window, worst = model.context_window, Usage()
        if window is not None or self._budget.capped or self._traffic.counts_tokens:
            worst = worst_case(call, await asyncio.to_thread(prompt_tokens, call))
            worst = replace(worst, batched=isinstance(model, Deferred))
        _fits(call, worst, window)
        async with self._budget.reserved(call, worst) as reserved:
            row = await self._retried(model, call, prefix, worst, reserved)
            reserved(row.reply)
            return row

    async def _retried(self, model: Model, call: Call, prefix: str, worst: Usage, reserved: Reserved) -> Row:
        identity = model.identity

        def on_wait(seconds: float, reason: str) -> None:
            if not self._traffic.down_for(identity):
                self._tell("wait", call, detail=reason, seconds=seconds)

        def down() -> bool | None:
            if self._traffic.gave_up(identity) or self._traffic.stopped:
                return False
            return None if self._traffic.down_for(identity) is None else True

        return await retried(
            self._retry,
            lambda: self._in_turn(model, call, prefix, worst, reserved),
            sleep=self._sleep,
            on_wait=on_wait,
            down=down,
        )

    async def _in_turn(self, model: Model, call: Call, prefix: str, worst: Usage, reserved: Reserved) -> Row:
        tokens = worst.prompt + worst.completion
        await reserved.renew()
        async with self._traffic.turn(model, call, prefix=prefix, tokens=tokens) as turn:
            arrived: int | None = None

            def on_token(count: int) -> None:
                nonlocal arrived
                arrived = count
                turn.first_token()
                self._tell("tokens", call, tokens=count)

            self._tell("sent", call)
            start = self._clock()
            try:
                reply = await model.send(call, on_token=on_token)
            except BaseException as error:
                if isinstance(error, Unavailable):
                    turn.failed(error)
                if arrived is not None:
                    reserved.lost(Usage(worst.prompt, 0, arrived, counted=False))
                raise
            turn.answered(reply.usage)
            # A cancellation cannot come between here and the ledger: there is no await but the scribe's, who raises
            # it when the reply is stored. The slot is held until then, so that a kill never loses more than them.
            seconds = self._clock() - start
            row = await self._scribe.do(lambda: self._ledger.put(call, _storable(reply), seconds=seconds))
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # It came when the text was already whole, and the vendor held it back for us to store that first.
            raise asyncio.CancelledError
        return row

    def _is_changed(self, model: Model, call: Call) -> bool:
        if not (isinstance(model, Recorded) and model.differs(call)):
            return False
        self._tell("changed", call, detail="the prompt has changed since the recording")
        return True

    def _tell(self, kind: EventKind, about: Call | Row, **fields: Any) -> None:
        usage = about.reply.usage if isinstance(about, Row) else None
        self._observe(CallEvent(kind, about.name, about.attempt, about.model, usage=usage, **fields))


def _fits(call: Call, worst: Usage, window: int | None) -> None:
    needed = worst.prompt + worst.completion
    if window is not None and needed > window:
        raise ContextOverflow(
            f"{call.name}: {worst.prompt} prompt tokens and {worst.completion} for the reply are {needed}, "
            f"the context window of {call.model} is {window}",
            hint="use a model with a larger window, or shorten the article; context_window in config.toml "
            "overrides what is assumed",
        )


def _storable(reply: Reply) -> Reply:
    """Lone surrogates, which a JSON escape can smuggle in, cannot be written as UTF-8."""
    return replace(reply, text=reply.text.encode("utf-8", "replace").decode("utf-8"))
