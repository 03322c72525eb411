"""What the tests of the model layer share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from agent.errors import ExpandError, Malformed
from agent.llm import (
    Answer,
    Budget,
    CallEvent,
    Client,
    Ledger,
    Model,
    ModelSettings,
    OwnAccounts,
    Request,
    RetryPolicy,
    open_model,
)
from agent.records import Call, Message, Reply, Usage
from tests.fakes.openai_server import FakeOpenAI

T = TypeVar("T")
SECRET = "sk-test-51f0a7c29be84dzq"
"""Its last four letters are no hex digits: a digest cannot hold them by chance."""


def purse(**caps: Any) -> tuple[Budget, dict[str, float]]:
    """A budget where a token costs a dollar, and what articles have spent of it."""
    accounts = OwnAccounts()

    def price(identity: str, usage: Usage) -> float:
        return float(usage.prompt + usage.completion)

    return Budget(**{"article_cost": 1e9, "accounts": accounts, "price": price, **caps}), accounts.articles


def run(awaitable: Awaitable[T]) -> T:
    async def main() -> T:
        return await awaitable

    return asyncio.run(main())


def make_call(name: str = "a/b", text: str = "写一段", **fields: Any) -> Call:
    messages = (Message("system", "你是作者"), Message("user", text))
    return Call(
        name, fields.pop("model", "fake:m"), messages, fields.pop("params", {"max_tokens": 50}), **fields
    )


def whole(text: str) -> str:
    """A parser that takes what ends with a full stop."""
    if not text.endswith("。"):
        raise Malformed("没有句号")
    return text


def make_request(name: str = "a/b", text: str = "写一段", **fields: Any) -> Request[str]:
    return Request(
        **{
            "name": name,
            "role": "writer",
            "messages": (Message("system", "你是作者"), Message("user", text)),
            "parse": whole,
            "continue_prompt": "请接着写",
            "malformed_prompt": lambda problem: f"重写：{problem}",
            "params": {"max_tokens": 50},
            **fields,
        }
    )


@dataclass
class FakeModel:
    """Answers from a list; an exception in it is raised. Remembers the calls."""

    answers: list[Reply | Exception | str]
    spec: str = "fake:m"
    identity: str = "fake:m"
    context_window: int | None = None
    calls: list[Call] = field(default_factory=list)

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        self.calls.append(call)
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(answer, usage=Usage(10, 0, 5))

    async def aclose(self) -> None:
        pass


@dataclass
class Clock:
    """Sleeps without sleeping, and remembers how long it was asked to."""

    waits: list[float] = field(default_factory=list)
    time: float = 0.0

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    def now(self) -> float:
        return self.time


@dataclass
class Desk:
    """A client on a ledger with all its events, for one test."""

    path: Path
    model: Model
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(rng=lambda: 0.5))
    options: Mapping[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    events: list[CallEvent] = field(default_factory=list)

    def ask(self, *requests: Request[Any]) -> list[Answer[Any]]:
        """All at once, by a new client, as a new run would."""

        async def main() -> list[Answer[Any]]:
            with Ledger(self.path) as ledger:
                client = Client(
                    ledger,
                    {"default": self.model},
                    retry=self.retry,
                    observe=self.events.append,
                    sleep=self.clock.sleep,
                    clock=self.clock.now,
                    **self.options,
                )
                try:
                    return list(await asyncio.gather(*(client.ask(r) for r in requests)))
                finally:
                    await client.aclose()

        return asyncio.run(main())

    def fails(self, request: Request[Any]) -> ExpandError:
        try:
            self.ask(request)
        except ExpandError as error:
            return error
        raise AssertionError("it did not fail")

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events if event.kind != "tokens"]

    def rows(self) -> list[tuple[str, int, str, str]]:
        with Ledger(self.path) as ledger:
            return [(r.name, r.attempt, r.status, r.problem) for r in ledger.rows()]


def settings_for(server: FakeOpenAI, **fields: Any) -> ModelSettings:
    return ModelSettings(
        **{"base_url": server.base_url, "api_key": SECRET, "env": {}, "timeout": 20.0, **fields}
    )


def openai_model(server: FakeOpenAI, **fields: Any) -> Model:
    return open_model("openai:any", settings_for(server, **fields))
