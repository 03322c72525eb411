"""A run whose calls go to a batch API, for tests: real ledger, journal and client, time that is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.llm import Answer, CallEvent, Client, Ledger, Model, Request, RetryPolicy
from agent.llm.batch_api import BatchApi
from agent.llm.batch_journal import Journal
from agent.llm.model import ModelSettings
from agent.llm.quiet import WatchedLoop
from tests.fakes.batch_server import FakeBatches
from tests.llm.helpers import make_request, settings_for

TICK = 0.001
"""Seconds that a sleep really takes, so that threads and sockets get their turn."""


@dataclass
class Run:
    """Every `ask` is a process of its own: what it knows is in the files."""

    folder: Path
    server: FakeBatches
    spec: str = "openai:any"
    time: float = 0.0
    waits: list[float] = field(default_factory=list)
    events: list[CallEvent] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    settings: ModelSettings | None = None

    def ask(self, *requests: Request[Any]) -> list[Answer[Any]]:
        found = self.outcomes(*requests)
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return [one for one in found if isinstance(one, Answer)]

    def outcomes(self, *requests: Request[Any]) -> Sequence[Answer[Any] | BaseException]:
        """Answers and errors, in the order of the requests."""

        async def main() -> Sequence[Answer[Any] | BaseException]:
            with Ledger(self.folder / "ledger.db") as ledger:
                client = self.client(ledger)
                try:
                    return await asyncio.gather(*(client.ask(r) for r in requests), return_exceptions=True)
                finally:
                    await client.aclose()

        with asyncio.Runner(loop_factory=WatchedLoop) as runner:
            return runner.run(main())

    def client(self, ledger: Ledger) -> Client:
        return Client(
            ledger,
            {"default": self.model(ledger)},
            concurrency=1000,
            observe=self.events.append,
            sleep=self.sleep,
            clock=lambda: self.time,
            retry=RetryPolicy(tries=1),
            **self.options,
        )

    def model(self, ledger: Ledger) -> Model:
        api = BatchApi(
            self.journal(),
            stored=lambda key: ledger.get(key) is not None,
            retry=RetryPolicy(tries=3, rng=lambda: 0.5),
            sleep=self.sleep,
            now=self.now,
            observe=self.events.append,
        )
        settings = self.settings or settings_for(self.server)
        return api.open(self.spec, replace(settings, observe=self.events.append))

    def journal(self) -> Journal:
        return Journal(self.folder / "batches.jsonl", self.now)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds
        await asyncio.sleep(min(seconds, TICK))

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.time)

    def said(self) -> str:
        return "\n".join(e.detail for e in self.events if e.kind == "round")


def numbered(count: int) -> list[Request[str]]:
    return [make_request(f"art{n}/{n}", f"写 {n}") for n in range(count)]


def answer(body: dict[str, Any]) -> str:
    """To a question of `numbered`."""
    return "答" + next(m["content"] for m in body["messages"] if m["content"].startswith("写 "))[2:] + "。"


def told(count: int) -> list[str]:
    return [f"答{n}。" for n in range(count)]
