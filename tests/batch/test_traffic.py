"""Turns: fair between articles, no idle slot while somebody could go, backing off and coming back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import Interrupted, Unavailable
from agent.llm import CallEvent, Client, Ledger, RetryPolicy, Traffic, TrafficLimits
from agent.llm.rates import MINUTE
from tests.batch.virtual import Inline, Simulated, VirtualTime
from tests.llm.helpers import make_call, make_request


class Run:
    """Questions through a client on virtual time."""

    def __init__(self, folder: Path, behave: Callable[[int, float], float], **limits: Any) -> None:
        self.time = VirtualTime()
        self.service = Simulated(self.time, behave)
        self.events: list[tuple[float, CallEvent]] = []
        self.done: dict[str, float] = {}
        self.folder = folder
        self.limits = TrafficLimits(**{"slots": 4, "patience": 600.0, **limits})
        self.traffic: Traffic

    def ask(
        self, *names: str, retry: RetryPolicy | None = None, prefix: str = "", after: Any = None
    ) -> list[Any]:
        async def main() -> list[Any]:
            observe = self._observe
            self.traffic = Traffic(self.limits, observe, self.time.sleep, self.time.clock)
            with Ledger(self.folder / "ledger.db") as ledger:
                client = Client(
                    ledger, {"default": self.service}, retry=retry or RetryPolicy(rng=lambda: 0.5),
                    traffic=self.traffic, scribe=Inline(), observe=observe,  # type: ignore[arg-type]
                    sleep=self.time.sleep, clock=self.time.clock,
                )  # fmt: skip

                async def one(name: str) -> str:
                    answer = await client.ask(
                        make_request(name, f"写 {name}", prefix=prefix and name.split("/")[0] + prefix)
                    )
                    self.done[name] = self.time.now
                    return answer.text

                tasks = [asyncio.create_task(one(n)) for n in names]
                if after is not None:
                    await after(self, tasks)
                try:
                    return await asyncio.gather(*tasks, return_exceptions=True)
                finally:
                    self.traffic.close()

        return self.time.run(main())

    def _observe(self, event: CallEvent) -> None:
        self.events.append((self.time.now, event))

    def kinds(self) -> list[str]:
        return [e.kind for _, e in self.events]


def test_slots_go_round_between_articles(tmp_path: Path) -> None:
    run = Run(tmp_path, lambda n, now: 1.0, slots=1)
    run.ask("a/1", "a/2", "a/3", "b/1", "b/2", "c/1")
    # The first is sent before the others are there.
    assert [name for _, name in run.service.sent] == ["a/1", "b/1", "c/1", "a/2", "b/2", "a/3"]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_no_article_gets_two_turns_more_than_another_that_waits(sizes: list[int], slots: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), lambda n, now: 1.0, slots=slots)
        run.ask(*(f"{chr(97 + a)}/{n}" for a, size in enumerate(sizes) for n in range(size)))
    left = {chr(97 + a): size for a, size in enumerate(sizes)}
    turns = dict.fromkeys(left, 0)
    for at, name in run.service.sent:
        article = name[0]
        left[article] -= 1
        if at == 0:
            continue  # sent one by one as they came, before the others were there
        turns[article] += 1
        waiting = [turns[a] for a in left if left[a]]
        assert turns[article] <= min(waiting, default=turns[article]) + 1
    # No slot was idle: unit calls end in as few waves as there can be.
    assert run.time.now == pytest.approx(-(-sum(sizes) // slots))


def test_a_call_that_backs_off_holds_no_slot(tmp_path: Path) -> None:
    def behave(n: int, now: float) -> float:
        if n == 1:
            raise Unavailable("503", retry_after=50)
        return 1.0

    run = Run(tmp_path, behave, slots=1)
    run.ask("a/1", "a/2", "a/3")
    assert run.done["a/2"] == pytest.approx(1.0)
    assert run.done["a/3"] == pytest.approx(2.0)
    assert run.done["a/1"] > 50


def test_requests_a_minute_are_kept(tmp_path: Path) -> None:
    run = Run(tmp_path, lambda n, now: 0.5, slots=8, rpm=10)
    run.ask(*(f"a/{n}" for n in range(35)))
    times = [at for at, _ in run.service.sent]
    for start in times:
        assert sum(start <= t < start + MINUTE for t in times) <= 10
    assert times[-1] == pytest.approx(3 * MINUTE, rel=0.02), "and none is wasted"


def test_after_a_429_the_width_is_halved_and_comes_back(tmp_path: Path) -> None:
    """The service takes 3 at a time for two minutes, then any number."""
    run = Run(tmp_path, lambda n, now: limited(run, now), slots=8)
    answers = run.ask(*(f"a/{n}" for n in range(300)))
    assert set(answers) == {"好。"}
    refused = [at for at, e in run.events if e.kind == "wait"]
    late = [at for at, _ in run.service.sent if at > 120]
    assert len([at for at in refused if at > 60]) < len([at for at in refused if at <= 60]) + 20
    # Once it may, all eight slots are used again.
    assert run.service.most == 8
    assert len(late) > 100


def limited(run: Run, now: float) -> float:
    if now < 120 and run.service.under_way > 3:
        raise Unavailable("429", limited=True)
    return 2.0


def test_retry_after_holds_everybody(tmp_path: Path) -> None:
    def behave(n: int, now: float) -> float:
        if n == 1:
            raise Unavailable("429", limited=True, retry_after=30)
        return 1.0

    run = Run(tmp_path, behave, slots=1)
    run.ask("a/1", "b/1", "c/1")
    assert all(at >= 30 for at, _ in run.service.sent[1:])


def test_a_service_that_is_down_for_minutes_is_waited_for(tmp_path: Path) -> None:
    """Three minutes of resets: one line, few requests meanwhile, no failed call, then on at full width."""

    def behave(n: int, now: float) -> float:
        if 10 <= now < 190:
            raise Unavailable("connection reset")
        return 2.0

    run = Run(tmp_path, behave, slots=6)
    answers = run.ask(*(f"{a}/{n}" for a in "abcdef" for n in range(20)))
    assert set(answers) == {"好。"}
    assert run.kinds().count("down") == run.kinds().count("up") == 1
    away = next(e.seconds for _, e in run.events if e.kind == "up")
    assert 175 <= away < 260
    during = [at for at, _ in run.service.sent if 15 <= at < 190]
    assert len(during) < 60, "it is not hammered"
    assert run.time.now < 300


def test_a_service_that_stays_down_fails_all_calls_with_its_name(tmp_path: Path) -> None:
    def behave(n: int, now: float) -> float:
        raise Unavailable("connection refused")

    run = Run(tmp_path, behave, slots=4, patience=600.0)
    answers = run.ask(*(f"a/{n}" for n in range(30)), retry=RetryPolicy(total=600.0, rng=lambda: 0.5))
    assert {type(a) for a in answers} == {Unavailable}
    assert "connection refused" in str(answers[0])
    assert 550 < run.time.now < 1300, "after the patience, not after a patience for each call"


def test_the_first_call_of_a_start_goes_ahead_until_its_first_token(tmp_path: Path) -> None:
    run = Run(tmp_path, lambda n, now: 10.0, slots=8, warm=5.0)
    run.ask(*(f"{a}/{n}" for a in "ab" for n in range(3)), prefix="stage")
    starts: dict[str, list[float]] = {}
    for at, name in run.service.sent:
        starts.setdefault(name[0], []).append(at)
    assert starts == {"a": [0.0, 1.0, 1.0], "b": [0.0, 1.0, 1.0]}, "the first token comes after a tenth"


def test_the_wait_for_the_first_token_is_bounded(tmp_path: Path) -> None:
    run = Run(tmp_path, lambda n, now: 100.0, slots=8, warm=5.0)
    run.ask("a/1", "a/2", "a/3", prefix="stage")
    assert [at for at, _ in run.service.sent] == [0.0, 5.0, 5.0]


def test_when_the_first_fails_the_next_goes_ahead(tmp_path: Path) -> None:
    def behave(n: int, now: float) -> float:
        if n == 1:
            raise Unavailable("500", retry_after=60)
        return 10.0

    run = Run(tmp_path, behave, slots=8, warm=5.0)
    run.ask("a/1", "a/2", "a/3", prefix="stage")
    assert [name for _, name in run.service.sent][:3] == ["a/1", "a/2", "a/3"]
    assert run.service.sent[2][0] == pytest.approx(1.0)


def test_stopping_lets_what_is_under_way_end_and_sends_nothing_more(tmp_path: Path) -> None:
    async def stop(run: Run, tasks: list[Any]) -> None:
        await run.time.sleep(0.5)
        run.traffic.stop()

    run = Run(tmp_path, lambda n, now: 3.0, slots=2)
    answers = run.ask("a/1", "a/2", "a/3", "b/1", after=stop)
    assert [type(a) for a in answers] == [str, str, Interrupted, Interrupted]
    assert len(run.service.sent) == 2
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert {row.name for row in ledger.rows()} == {"a/1", "a/2"}


def test_stopping_does_not_wait_for_a_person(tmp_path: Path) -> None:
    async def stop(run: Run, tasks: list[Any]) -> None:
        await run.time.sleep(1)
        run.traffic.stop()

    run = Run(tmp_path, lambda n, now: 1e9)
    run.service.identity = "mailbox"
    answers = run.ask("a/1", "a/2", after=stop)
    assert {type(a) for a in answers} == {Interrupted}
    assert run.time.now < 10


def test_a_call_that_is_cancelled_gives_its_turn_back(tmp_path: Path) -> None:
    async def cancel(run: Run, tasks: list[Any]) -> None:
        await run.time.sleep(0.5)
        tasks[0].cancel()  # under way
        tasks[1].cancel()  # waiting

    run = Run(tmp_path, lambda n, now: 4.0, slots=1)
    answers = run.ask("a/1", "b/1", "c/1", after=cancel)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert isinstance(answers[1], asyncio.CancelledError)
    assert answers[2] == "好。"
    assert run.done["c/1"] == pytest.approx(4.5)
    assert run.traffic.service(run.service.identity).in_flight == 0


def test_turns_of_one_article_keep_their_order(tmp_path: Path) -> None:
    run = Run(tmp_path, lambda n, now: 1.0, slots=2)
    run.ask(*(f"a/{n}" for n in range(9)))
    order = [int(name[2:]) for _, name in run.service.sent]
    assert all(a < b for a, b in pairwise(order))


def test_tokens_a_minute_are_reserved_and_corrected() -> None:
    time = VirtualTime()
    service = Simulated(time, lambda n, now: 1.0)
    traffic = Traffic(TrafficLimits(slots=9, tpm=1000), lambda e: None, time.sleep, time.clock)
    starts: list[float] = []

    async def one(n: int) -> None:
        from agent.records import Usage

        async with traffic.turn(service, make_call(f"a/{n}"), tokens=400) as turn:
            starts.append(time.now)
            await time.sleep(1)
            turn.answered(Usage(50, 0, 50))

    async def main() -> None:
        await asyncio.gather(*(one(n) for n in range(6)))

    time.run(main())
    # Two fit by their worst case; when they have come to 100 each, two more do; after four, one.
    assert starts == [0.0, 0.0, 1.0, 1.0, 2.0, 3.0]
