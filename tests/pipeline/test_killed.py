"""A run that is killed and run again continues: nothing is asked twice, and the end is that of an unbroken run."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.fakes.openai_server import Seen
from tests.pipeline.desk import FAKE, Nursery, Running, Service, Site, steady

SETTINGS = """\
[targets]
lines = 240
formulas = 12

[lab]
enabled = false

[retry]
wait_cap = 0.0

[loop]
rounds = 1
"""
"""With a round of deepening, so that all stages are passed."""


class Killer:
    """Kills a run when its k-th request arrives; its answer, and others on their way, are lost."""

    def __init__(self) -> None:
        self.running: Running | None = None
        self.at = 0
        self.seen = 0
        self.told = threading.Event()
        self.counting = threading.Lock()

    def aim(self, at: int) -> None:
        with self.counting:
            self.at, self.seen, self.running = at, 0, None
            self.told.clear()

    def shoot(self, running: Running) -> None:
        self.running = running
        self.told.set()

    def __call__(self, number: int, seen: Seen) -> None:
        with self.counting:
            self.seen += 1
            hit = self.seen == self.at
        if hit:
            self.told.wait(60)
            assert self.running is not None
            os.kill(self.running.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[tuple[Site, Service]]:
    with Service() as service:
        site = Site(tmp_path_factory.mktemp("unbroken"), nursery).using(service)
        site.config(SETTINGS)
        site.article("a.md")
        assert site.expand("run", "a", "--model", FAKE).code in (0, 1)
        yield site, service


def comparable(site: Site) -> dict[str, object]:
    """A report without durations and without the service's port."""
    report = steady(site.report("a"))
    report.pop("models")
    return report


def test_the_run_passes_all_stages(unbroken: tuple[Site, Service]) -> None:
    tasks = set(unbroken[1].tasks())
    wanted = {
        "# 任务：精读原文",
        "# 任务：定下扩充的主线",
        "# 任务：把内容分给各章",
        "# 怎样审稿",
        "# 怎样挖深",
        "# 任务：写导读",
        "# 任务：写全文小结",
    }
    assert wanted <= tasks


def stored(site: Site) -> set[str]:
    """What was asked by those requests whose answers are in the ledger."""
    return {row["messages"] for row in site.ledger()}


def messages(seen: Seen) -> str:
    """A request's messages as the ledger notes them."""
    pairs = [[m["role"], hashlib.sha256(m["content"].encode()).hexdigest()] for m in seen.body["messages"]]
    return json.dumps(pairs, separators=(",", ":"))


def check_same(site: Site, other: Site) -> None:
    assert site.draft("a") == other.draft("a")
    assert comparable(site) == comparable(other)
    assert site.expand("ledger", "verify").code == 0
    assert stored(site) == stored(other)


@pytest.mark.parametrize("schedule", [(1, 2, 3, 5), (9, 4), (14,)])
def test_killed_at_requests(
    unbroken: tuple[Site, Service], new_site: Callable[[str], Site], schedule: tuple[int, ...]
) -> None:
    """The i-th run is killed when its k_i-th request arrives, the last one is left alone."""
    killer = Killer()
    with Service(killer) as service:
        site = new_site("killed").using(service)
        site.config(SETTINGS)
        site.article("a.md")
        before: set[str] = set()
        for k in (*schedule, 0):
            asked_before = len(service.requests)
            killer.aim(k)
            killer.shoot(site.start("run", "a", "--model", FAKE))
            assert killer.running is not None
            done = site.nursery.wait(killer.running)
            assert done.code == -signal.SIGKILL if k else done.code in (0, 1), done.err
            twice = [m for m in map(messages, service.requests[asked_before:]) if m in before]
            assert not twice, "a stored answer was asked for again"
            assert before <= stored(site), "a stored answer was lost"
            before = stored(site)
        check_same(site, unbroken[0])


@pytest.mark.parametrize("mark", ["sections/map.md", "diff.patch", "draft.md"])
def test_killed_while_writing_down(
    unbroken: tuple[Site, Service], new_site: Callable[[str], Site], mark: str
) -> None:
    """Killed the moment a file appears. No draft stands that its report does not describe."""
    with Service() as service:
        site = new_site("killed").using(service)
        site.config(SETTINGS)
        site.article("a.md")
        running = site.start("run", "a", "--model", FAKE)
        deadline = time.monotonic() + 60
        while not (site.output("a") / mark).exists() and time.monotonic() < deadline:
            time.sleep(0.0005)
        os.kill(running.pid, signal.SIGKILL)
        site.nursery.wait(running)
        if (site.output("a") / "draft.md").exists():
            assert site.report("a")["draft_sha256"] == hashlib.sha256(site.draft("a")).hexdigest()
        asked_before = len(service.requests)
        assert site.expand("run", "a", "--model", FAKE).code in (0, 1)
        assert len(service.requests) == asked_before, "all answers were stored"
        check_same(site, unbroken[0])
