"""`expand batch --engine dask`: a real scheduler and worker processes on loopback, against the service on loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from agent.commands.batch import opener
from agent.errors import UsageError
from tests.batch.test_batch import NAMES, asked, filled, wait_for_line
from tests.fakes.openai_server import Seen, Step
from tests.pipeline.desk import FAKE, QUICK, Nursery, Running, Service, Site, steady


@dataclass
class Cluster:
    """A scheduler and its workers."""

    nursery: Nursery
    folder: Path
    env: dict[str, str] = field(
        default_factory=lambda: {k: v for k, v in os.environ.items() if k in ("PATH", "HOME")}
    )
    workers: list[Running] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", self.file
        )

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    def worker(self, threads: int = 2, *, preload: Path | None = None) -> Running:
        made = self._start(
            "worker", "--scheduler-file", self.file, "--nthreads", str(threads), "--no-nanny", "--no-dashboard",
            "--host", "127.0.0.1", "--local-directory", self.folder,
            *(["--preload", preload] if preload else []),
        )  # fmt: skip
        self.workers.append(made)
        return made

    def known(self, workers: int) -> None:
        """Wait until the scheduler has so many."""
        with Client(scheduler_file=str(self.ready()), set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)

    def ready(self) -> Path:
        """The scheduler's file, once it is whole."""
        wait_until(lambda: self.file.is_file() and self.file.read_text("utf-8").endswith("}"))
        return self.file

    def close(self) -> None:
        for running in (*self.workers, self.scheduler):
            kill(running)
            self.nursery.wait(running)

    def _start(self, kind: str, *argv: str | Path) -> Running:
        return self.nursery.start(*argv, env=self.env, cwd=self.folder, module=f"distributed.cli.dask_{kind}")


def kill(running: Running) -> None:
    os.kill(running.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def dask_nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    modules = ("agent.batch.dask", "distributed.cli.dask_scheduler", "distributed.cli.dask_worker")
    found = Nursery(tmp_path_factory.mktemp("dask"), *modules)
    yield found
    found.close()


@pytest.fixture
def cluster(dask_nursery: Nursery, tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(dask_nursery, tmp_path / "cluster")
    yield found
    found.close()


@pytest.fixture(scope="module")
def local(dask_nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The same articles, written by one process."""
    made = Site(tmp_path_factory.mktemp("local"), dask_nursery)
    made.config(QUICK)
    with Service() as service:
        filled(made.using(service), *NAMES)
        assert made.expand("batch", "1A", "--model", FAKE).code in (0, 1)
    return made


@pytest.fixture
def site(site: Site, dask_nursery: Nursery) -> Site:
    site.nursery = dask_nursery
    return site


def batch(site: Site, cluster: Cluster, *argv: str) -> Any:
    return site.expand(*order(cluster, *argv))


def order(cluster: Cluster, *argv: str) -> tuple[str | Path, ...]:
    return (
        "batch",
        "1A",
        "--model",
        FAKE,
        "--engine",
        "dask",
        "--scheduler",
        cluster.ready(),
        "--json",
        *argv,
    )


def test_drafts_are_those_of_one_machine(site: Site, service: Service, cluster: Cluster, local: Site) -> None:
    cluster.worker()
    cluster.worker()
    filled(site, *NAMES)
    done = batch(site, cluster, "-j", "3")
    assert done.code in (0, 1), done.err
    assert [row["ending"] for row in done.json["articles"]] == ["draft"] * 3
    for name in NAMES:
        assert site.draft(name) == local.draft(name)
        assert alike(site.report(name)) == alike(local.report(name))
        assert files(site, name) == files(local, name)


def wait_until(happened: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(6000):
        if happened():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


def alike(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what names the service."""
    return {k: v for k, v in steady(report).items() if k != "models"}


def files(site: Site, name: str) -> list[str]:
    folder = site.output(name)
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_worker_that_is_killed_takes_nothing_along(site: Site, cluster: Cluster, local: Site) -> None:
    killed, reached = threading.Event(), threading.Event()

    def before(number: int, seen: Seen) -> Step | None:
        if number > 20 and not killed.is_set():
            reached.set()
            killed.wait(60)
        return None

    first = cluster.worker(threads=3)
    with Service(before) as service:
        filled(site.using(service), *NAMES)
        running = site.start(*order(cluster, "-j", "3", "--events", str(cluster.folder / "events")))
        assert reached.wait(60)
        # Only now, so that every article is with the one that dies.
        cluster.worker(threads=3)
        cluster.known(2)
        kill(first)
        killed.set()
        done = site.nursery.wait(running)
        assert done.code in (0, 1), done.err
        assert [row["ending"] for row in done.json["articles"]] == ["draft"] * 3
        assert "is gone" in done.err
        assert max(Counter(asked(r) for r in service.requests).values()) == 1, "nothing was paid twice"
        assert len(site.ledger()) == len(service.requests)
        assert not site.events("failed")
    assert [site.draft(n) for n in NAMES] == [local.draft(n) for n in NAMES]
    told = [json.loads(line) for line in (cluster.folder / "events").read_text("utf-8").splitlines()]
    kinds = Counter(row["event"] for row in told)
    assert kinds["begin"] > kinds["end"] == 3
    assert {row["name"] for row in told if row["event"] == "stored"} >= {r["name"] for r in site.ledger()}


def test_caps_and_limits_hold_for_all_workers_together(
    site: Site, service: Service, cluster: Cluster
) -> None:
    """A cap and a rate stop the same run: in its one minute no more requests are sent than the rate allows."""
    cluster.worker()
    cluster.worker()
    filled(site, *NAMES)
    price = '[prices.models]\n"openai:fake" = {input = 100.0, output = 100.0}\n[budget]\nrun = 2.0\n'
    site.config(QUICK + price)
    done = batch(site, cluster, "-j", "3")
    assert done.code == 4, done.err
    spent = json.loads(site.expand("cost", "--json").out)["total"]
    assert 0 < spent["cost"] <= 2.0
    assert set(done.json["left"]) == set(NAMES)
    site.config(QUICK.replace("warm = 0.0", "warm = 0.0\nrpm = 5"))
    count = len(service.requests)
    running = site.start(*order(cluster, "-j", "3"))
    wait_until(lambda: len(service.requests) >= count + 5)
    os.kill(running.pid, signal.SIGINT)
    done = site.nursery.wait(running)
    assert done.code == 130, done.err
    assert len(service.requests) == count + 5
    assert max(Counter(asked(r) for r in service.requests).values()) == 1


def test_ctrl_c_finishes_what_is_paid_for(site: Site, cluster: Cluster) -> None:
    gate, reached = threading.Event(), threading.Event()

    def before(number: int, seen: Seen) -> Step | None:
        if number >= 5:
            reached.set()
            gate.wait(60)
        return None

    cluster.worker(threads=3)
    with Service(before) as service:
        filled(site.using(service), *NAMES)
        running = site.start(*order(cluster, "-j", "3"))
        assert reached.wait(60)
        os.kill(running.pid, signal.SIGINT)
        wait_for_line(running, "stopping:")
        gate.set()
        done = site.nursery.wait(running)
        assert done.code == 130, done.err
        assert "Traceback" not in done.err
        assert set(done.json["left"]) == set(NAMES)
        assert len(site.ledger()) == len(service.requests)


def test_a_scheduler_that_is_not_there(
    site: Site, service: Service, nursery: Nursery, dask_nursery: Nursery
) -> None:
    site.env["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"] = "1s"
    filled(site, "a")
    for address, where in (("tcp://127.0.0.1:9", nursery), ("nowhere.json", dask_nursery)):
        site.nursery = where  # Dask reads its settings when it is imported
        done = site.expand("batch", "1A", "--model", FAKE, "--engine", "dask", "--scheduler", address)
        assert done.code == 2
        assert f"error: no Dask scheduler answers at {address}" in done.err
        assert "Traceback" not in done.err
    assert not service.requests


def test_a_scheduler_without_its_engine(site: Site) -> None:
    filled(site, "a")
    done = site.expand("batch", "1A", "--scheduler", "tcp://127.0.0.1:9")
    assert done.code == 2
    assert "add it: --engine dask --scheduler tcp://127.0.0.1:9" in done.err


def test_dask_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "agent.batch.dask", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="needs Dask") as caught:
        opener("dask", None)
    assert "expand-articles[dask]" in caught.value.hint


OTHER = """\
from agent.batch import wire, worker

def program():
    return "0.0.1 (0123456789ab)"

wire.program = worker.program = program
"""


@pytest.mark.parametrize("late", [False, True])
def test_a_worker_with_another_version(site: Site, service: Service, cluster: Cluster, late: bool) -> None:
    """It is found when the run begins, or when it comes later and gets an article."""
    other = cluster.folder / "other.py"
    other.write_text(OTHER, encoding="utf-8")
    filled(site, "a", "b")
    if not late:
        cluster.worker(preload=other)
        cluster.known(1)
    running = site.start(*order(cluster))
    if late:
        wait_until(lambda: running.folder.joinpath("err").exists())
        wait_for_line(running, "no worker yet")
        cluster.worker(preload=other)
    done = site.nursery.wait(running)
    assert done.code == 2
    assert re.search(
        r"worker tcp://\S+ runs expand 0\.0\.1 \(0123456789ab\), this is 0\.", done.err + done.out
    )
    assert not service.requests
    if late:
        assert done.json["left"] == ["a", "b"]


def test_a_driver_that_is_killed_frees_its_workers(site: Site, cluster: Cluster) -> None:
    killed, reached = threading.Event(), threading.Event()

    def before(number: int, seen: Seen) -> Step | None:
        if number == 8:
            reached.set()
            killed.wait(60)
        return None

    cluster.worker(threads=1)
    with Service(before) as service:
        filled(site.using(service), "a")
        running = site.start(*order(cluster, "-j", "1"))
        assert reached.wait(60)
        kill(running)
        site.nursery.wait(running)
        killed.set()
        stored = len(site.ledger())
        done = batch(site, cluster, "-j", "1")
        assert done.code in (0, 1), done.err
        assert done.json["drafts"] == 1
        assert len(service.requests) == 8 + len(site.ledger()) - stored, (
            "only what was under way is asked again"
        )


def test_a_scheduler_that_goes_leaves_the_articles_for_later(site: Site, cluster: Cluster) -> None:
    gone, reached = threading.Event(), threading.Event()

    def before(number: int, seen: Seen) -> Step | None:
        if number == 8:
            reached.set()
            gone.wait(60)
        return None

    cluster.worker()
    with Service(before) as service:
        filled(site.using(service), "a", "b")
        running = site.start(*order(cluster, "-j", "2"))
        assert reached.wait(60)
        kill(cluster.scheduler)
        gone.set()
        done = site.nursery.wait(running)
        assert done.code == 2
        assert "the scheduler is gone" in done.out
        assert done.json["left"] == ["a", "b"]
        assert len(site.ledger()) == len(service.requests), "what was paid for is stored"
        assert not site.events("failed")
