"""One cap for all processes of a workspace: what they store, what they have under way, and what the dead leave."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import PriceConfig
from agent.errors import BudgetReached, LedgerError
from agent.llm import Budget, Ledger, SharedAccounts, priced
from agent.llm.accounts import Standing
from agent.records import Reply, Usage
from tests.fakes.openai_server import FakeOpenAI
from tests.llm.helpers import make_call, run

ROOT = Path(__file__).parents[2]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
TODAY = NOON.date().isoformat()
PRICE = priced({"fake:m": PriceConfig(input=1e6, cached=0.0, output=1e6)})
"""One dollar a token."""
EACH = 90
"""More than a worker's call can cost (its prompt, and 50 tokens of reply), and less than two of them."""


@dataclass
class Process:
    """What a process has: a ledger, accounts and a budget of its own on the files of all."""

    folder: Path
    day_cost: float
    ledger: Ledger = field(init=False)
    accounts: SharedAccounts = field(init=False)
    budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder / "ledger.db", now=lambda: NOON)
        self.accounts = SharedAccounts(self.folder / ".locks" / "spending.db", self.ledger, PRICE)
        self.budget = Budget(
            day_cost=self.day_cost,
            accounts=self.accounts,
            today=lambda: TODAY,
            price=PRICE,
            sleep=lambda seconds: asyncio.sleep(0),
        )

    def close(self) -> None:
        self.budget.close()
        self.ledger.close()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Process, Process]]:
    pair = Process(tmp_path, 100), Process(tmp_path, 100)
    yield pair
    for process in pair:
        process.close()


def pay(process: Process, name: str, tokens: int) -> Reply:
    reply = Reply("好。", usage=Usage(0, 0, tokens))
    process.ledger.put(make_call(name, name), reply, seconds=1)
    return reply


def test_what_another_stores_after_the_start_counts(two: tuple[Process, Process]) -> None:
    async def main() -> None:
        a, b = two
        async with a.budget.reserved(make_call("a/1"), Usage(0, 0, 90)) as reserved:
            reserved(pay(a, "a/1", 90))
        with pytest.raises(BudgetReached, match=r"\$90\.0000 spent, this call may cost \$20"):
            async with b.budget.reserved(make_call("b/1"), Usage(0, 0, 20)):
                raise AssertionError("not reached")

    run(main())


def test_a_stream_of_another_that_broke_off_counts_for_its_day_and_its_article(
    two: tuple[Process, Process],
) -> None:
    async def main() -> None:
        a, b = two
        async with a.budget.reserved(make_call("a/1"), Usage(0, 0, 90)) as reserved:
            reserved.lost(Usage(0, 0, 30))
        assert b.accounts.day(TODAY) == Standing(30.0)
        assert b.accounts.article("a") == Standing(30.0)
        assert b.accounts.article("b") == Standing()

    run(main())


def test_after_a_stream_that_broke_off_the_next_try_needs_room_again() -> None:
    async def main() -> None:
        budget = Budget(cap_tokens=100)
        async with budget.reserved(make_call(), Usage(20, 0, 40)) as reserved:
            reserved.lost(Usage(20, 0, 20))
            await reserved.renew()
            reserved.lost(Usage(20, 0, 1))
            with pytest.raises(BudgetReached, match="61 tokens spent, this call may need 60"):
                await reserved.renew()

    run(main())


def test_a_call_sent_before_midnight_counts_towards_the_day_it_may_end_on(
    two: tuple[Process, Process],
) -> None:
    async def main() -> None:
        a, b = two
        async with a.budget.reserved(make_call("a/1"), Usage(0, 0, 90)):
            assert b.accounts.day("2025-03-02") == Standing(0.0, 90.0, 1)

    run(main())


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "spending.db").write_text("these are not the rows you are looking for" * 99)
    with (
        Ledger(tmp_path / "ledger.db") as ledger,
        pytest.raises(LedgerError, match=r"spending\.db") as caught,
    ):
        SharedAccounts(tmp_path / "spending.db", ledger, PRICE)
    assert "move the file away" in caught.value.hint


CALL = st.tuples(st.integers(0, 2), st.integers(1, 40), st.floats(0, 1), st.sampled_from(("stored", "lost")))


@given(
    st.lists(CALL, min_size=1, max_size=14), st.integers(20, 120), st.integers(0, 2), st.integers(0, 2**32)
)
@settings(max_examples=25, deadline=None)
def test_no_cap_is_ever_broken_by_processes_that_live_and_die(
    calls: list[tuple[int, int, float, str]], cap: int, victim: int, seed: int
) -> None:
    """Three processes side by side, one of which dies at some moment: what was spent, and what those that live may
    still spend, stays below the cap; what waits for the dead goes on."""
    rng = random.Random(seed)

    async def main(folder: Path) -> None:
        processes = [Process(folder, cap) for _ in range(3)]
        spent, live, ended = 0.0, {0: 0.0, 1: 0.0, 2: 0.0}, 0

        async def one(n: int, place: int, most: int, share: float, how: str) -> None:
            nonlocal spent, ended
            process = processes[place]
            try:
                async with process.budget.reserved(make_call(f"a/{n}"), Usage(0, 0, most)) as reserved:
                    live[place] += most
                    assert spent + sum(live.values()) <= cap
                    for _ in range(rng.randint(0, 4)):
                        await asyncio.sleep(0)
                    used = round(most * share)
                    if how == "stored":
                        reserved(pay(process, f"a/{n}", used))
                    else:
                        reserved.lost(Usage(0, 0, used))
                    spent += used
                    live[place] -= most
            except BudgetReached:
                assert spent + sum(live.values()) + most > cap
            ended += 1

        tasks = [(call[0], asyncio.ensure_future(one(n, *call))) for n, call in enumerate(calls)]
        for _ in range(rng.randint(0, 6)):
            await asyncio.sleep(0)
        dead = processes[victim].accounts
        dead.release = lambda number: None  # type: ignore[method-assign]
        killed = [task for place, task in tasks if place == victim and not task.done()]
        for task in killed:
            task.cancel()
        await asyncio.gather(*killed, return_exceptions=True)
        dead.close()
        live[victim] = 0.0
        rest = [task for place, task in tasks if task not in killed]
        await asyncio.wait_for(asyncio.gather(*rest), 60)
        assert ended == len(calls) - len(killed)
        for process in processes:
            process.ledger.close()
            process.accounts.close()

    with tempfile.TemporaryDirectory() as folder:
        run(main(Path(folder)))


def start(folder: Path, server: FakeOpenAI, cap: float, *names: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.llm.spend_worker", str(folder), server.base_url, str(cap), *names]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
    assert lines(process, 1) == ["ready"]
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(count)]


def test_a_process_that_is_killed_reserves_nothing_any_more(tmp_path: Path) -> None:
    """The cap has room for one call at a time: the second process waits for the first one's, which is killed."""
    reached, gate = threading.Event(), threading.Event()

    def answers(body: object) -> str:
        if "写 a/1" in str(body):
            reached.set()
            gate.wait(60)
        return "好。"

    with FakeOpenAI(answers=answers) as server:
        first, second = start(tmp_path, server, EACH, "a/1"), start(tmp_path, server, EACH, "b/1")
        go(first)
        assert lines(first, 1) == ["sent a/1"]
        assert reached.wait(60)
        go(second)
        assert lines(second, 1) == ["waits b/1"]
        assert len(server.requests) == 1
        first.send_signal(signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
        assert lines(second, 2) == ["sent b/1", "done b/1"]
        gate.set()
        for process in (first, second):
            process.communicate()
        assert second.returncode == 0


def test_two_processes_keep_one_cap(tmp_path: Path) -> None:
    """What the first one spends after the second began leaves no room for the second."""
    with FakeOpenAI(answers=lambda body: "好。") as server:
        first, second = start(tmp_path, server, EACH, "a/1", "a/2"), start(tmp_path, server, EACH, "b/1")
        said, _ = first.communicate("\n")
        assert sorted(line.split()[0] for line in said.splitlines()) == ["done", "done", "sent", "sent"]
        said, _ = second.communicate("\n")
        assert said.startswith("refused b/1 b/1: $36.0000 spent"), said
        assert len(server.requests) == 2
