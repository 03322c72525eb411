"""kill -9 in the middle of several calls, and the same command again: nothing stored is asked again."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent.llm import Ledger
from tests.fakes.openai_server import FakeOpenAI
from tests.llm.kill_worker import NAMES

ROOT = Path(__file__).parents[2]


def start(ledger: Path, server: FakeOpenAI) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.llm.kill_worker", str(ledger), server.base_url]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("answered", [2, 6])
def test_killed_and_run_again(tmp_path: Path, answered: int) -> None:
    path = tmp_path / "ledger.db"
    reached, released, lock = threading.Event(), threading.Event(), threading.Lock()
    count = 0

    def answers(body: dict[str, Any]) -> str:
        """The first attempt at an even question is malformed; after some answers the service hangs."""
        nonlocal count
        with lock:
            count += 1
            hang = not released.is_set() and count > answered
        if hang:
            reached.set()
            released.wait(60)
        said = body["messages"][-1]["content"]
        number = next(n for n in range(8) if any(m["content"] == f"写 art/{n}" for m in body["messages"]))
        return f"没有 {number}" if number % 2 == 0 and "重写" not in said else f"答 {number}。"

    with FakeOpenAI(answers=answers) as server:
        victim = start(path, server)
        assert reached.wait(60), "the worker never got as far"
        victim.send_signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
        victim.stdout.close()  # type: ignore[union-attr]
        with Ledger(path) as ledger:
            assert ledger.verify() == []
            stored = {(row.name, row.attempt) for row in ledger.rows()}
        # All but those that were under way (two at a time) when it died.
        assert answered - 1 <= len(stored) <= answered
        before = Counter(questions(server))
        released.set()

        out, _ = start(path, server).communicate(timeout=60)
        assert out.split("\n")[:-1] == [f"答 {n}。" for n in range(len(NAMES))]
        again = Counter(questions(server)) - before
        assert [question for question in stored if again[question]] == []

        out, _ = start(path, server).communicate(timeout=60)
        assert out.split("\n")[:-1] == [f"答 {n}。" for n in range(len(NAMES))]
        assert Counter(questions(server)) - before == again
    with Ledger(path) as ledger:
        assert ledger.verify() == []
        assert len(ledger.rows()) == 12


def questions(server: FakeOpenAI) -> list[tuple[str, int]]:
    """(name, attempt) of every request, read out of what was said."""
    found = []
    for seen in list(server.requests):
        said = [m["content"] for m in seen.body["messages"]]
        name = next(text for text in said if text.startswith("写 ")).removeprefix("写 ")
        found.append((name, int("重写" in said[-1])))
    return found
