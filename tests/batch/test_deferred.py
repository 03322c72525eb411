"""`expand batch --via batch-api`, against a stand-in for files and batches."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.batch import Whole, expand_all
from agent.errors import Locked
from agent.llm import CallEvent
from agent.llm.batch_journal import Journal
from agent.pipeline.deferred import opened
from agent.pipeline.resources import retry_policy
from agent.pipeline.times import Times
from agent.pipeline.watch import Watch
from agent.workspace import find
from tests.batch.test_batch import NAMES, filled, wait_for_line
from tests.fakes import writer
from tests.fakes.batch_server import FakeBatches, Plan
from tests.fakes.openai_server import Body, Status
from tests.pipeline.desk import FAKE, KEY, QUICK, Site

VIA = ("--via", "batch-api")
PRICED = QUICK + '[prices.models]\n"openai:fake" = {input = 1000.0, cached = 100.0, output = 2000.0}\n'


def answers(body: Body) -> str:
    return writer.answer(str(body["messages"][1]["content"]))


@pytest.fixture
def server() -> Iterator[FakeBatches]:
    with FakeBatches(answers=answers) as made:
        yield made


@pytest.fixture
def here(site: Site, server: FakeBatches, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A workspace whose batches are run in this process too."""
    site.using(server)
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, site.env[name])
    return site


class Clocks:
    """Hours that pass in milliseconds."""

    def __init__(self) -> None:
        self.time = 0.0

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(min(seconds, 0.001))

    def times(self) -> Times:
        return Times(self.sleep, lambda: self.time, lambda: datetime.now(UTC) + timedelta(seconds=self.time))


def written(site: Site, *names: str, watch: Watch | None = None) -> Whole:
    """The articles, through files, without waiting."""
    paths = [site.root / "blogs_raw" / f"{name}.md" for name in names]
    ws = find(site.root)
    return expand_all(ws, paths, spec=FAKE, watch=watch or Watch(), times=Clocks().times(), batched=True)


def test_drafts_are_those_of_the_direct_way(
    here: Site, new_site: Callable[[str], Site], server: FakeBatches
) -> None:
    """In as many files as the longest chain of calls has links, for any number of articles."""
    direct = filled(new_site("direct").using(server), *NAMES)
    assert direct.expand("batch", "1A", "--model", FAKE).code in (0, 1)
    count = len(server.requests)
    filled(here, *NAMES)
    seen: list[CallEvent] = []
    whole = written(here, *NAMES, watch=Watch(calls=seen.append))
    assert [e.ending for e in whole.articles] == ["draft"] * 3
    rounds = "\n".join(e.detail for e in seen if e.kind == "round")
    assert re.search(r"^3 calls are with the service as batch batch_\d+; this command may be stopped", rounds)
    assert re.search(r"^batch batch_\d+: 3 of 3 calls done \(completed\)", rounds, re.M)
    assert [here.draft(n) for n in NAMES] == [direct.draft(n) for n in NAMES]
    assert len(server.requests) == 2 * count
    assert set(server.asked().values()) == {1}
    first = next(iter(server.batches.values()))
    assert len(first.lines) == 3, "the first calls of all articles go in one file"
    assert server.files == {}
    chain = len(server.batches)
    alone = filled(new_site("alone").using(server), "a")
    written(alone, "a")
    assert len(server.batches) == 2 * chain


def test_what_it_costs(here: Site, new_site: Callable[[str], Site], server: FakeBatches) -> None:
    """Half, in every place that says so, and a cap counts so too."""
    spent: list[dict[str, Any]] = []
    for site, batched in ((new_site("direct").using(server), False), (here, True)):
        site.config(PRICED)
        filled(site, "a")
        if batched:
            written(site, "a")
        else:
            site.expand("batch", "1A", "--model", FAKE)
        total = site.expand("cost", "--json").json["total"]
        stats = site.expand("ledger", "stats", "--json").json["models"]
        assert sum(m["cost"] for m in stats.values()) == pytest.approx(total["cost"])
        assert site.report("a")["cost"] == pytest.approx(total["cost"], rel=1e-4)
        spent.append(total)
        assert site.expand("ledger", "verify").code == 0
    assert spent[1]["cost"] == pytest.approx(spent[0]["cost"] / 2, rel=1e-4)
    assert {k: v for k, v in spent[1].items() if k != "cost"} == {
        k: v for k, v in spent[0].items() if k != "cost"
    }


@pytest.mark.parametrize("share", [0.6, 0.4])
def test_a_cap_reserves_the_price_of_the_batch(here: Site, server: FakeBatches, share: float) -> None:
    """A cap between half of the first call's worst case and all of it lets the call go; less than half does not."""
    expensive = QUICK + '[prices.models]\n"openai:fake" = {input = 0.0, output = 1000.0}\n'
    filled(here, "a")
    here.config(expensive)
    asked: list[Body] = []
    server.plans = [Plan("failed", refused=({"code": "x", "message": "for the test"},))] * 2
    written(here, "a")
    asked += [line["body"] for batch in server.batches.values() for line in batch.lines[:1]]
    worst = asked[0]["max_tokens"] * 1000.0 / 1e6
    made = len(server.batches)
    here.config(expensive + f"[budget]\nrun = {share * worst}\n")
    whole = written(here, "a")
    assert (len(server.batches) > made) == (share > 0.5)
    assert (whole.code == 4) == (share < 0.5)


def test_a_dry_run_counts_files_at_their_price(here: Site, server: FakeBatches) -> None:
    filled(here, *NAMES)
    here.config(PRICED)
    done = here.expand("batch", "1A", "--model", FAKE, *VIA, "--dry-run", "--json")
    total = done.json["total"]
    assert done.json["via"] == "batch-api"
    expected = (total["prompt_tokens"] * 1000 + total["completion_tokens"] * 2000) / 2e6
    assert total["cost"] == pytest.approx(expected)
    assert total["seconds"] > 3600
    assert "price of the batch API" in here.expand("batch", "1A", "--model", FAKE, *VIA, "--dry-run").out
    assert not server.batches


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--model", "mailbox:m"], "mailbox:m"),
        (["--model", FAKE, "-j", "2"], "-j"),
        (["--model", FAKE, "--via", "pigeon"], "pigeon"),
    ],
)
def test_what_cannot_go_in_files_is_wrong_use(here: Site, argv: list[str], said: str) -> None:
    filled(here, "a")
    done = here.expand("batch", "1A", *VIA, *argv)
    assert done.code == 2
    assert said in done.err
    assert not here.output("a").exists()


def test_auto_needs_a_key(here: Site) -> None:
    filled(here, "a")
    del here.env["OPENAI_API_KEY"]
    done = here.expand("batch", "1A", *VIA)
    assert done.code == 2
    assert "OPENAI_API_KEY" in done.err


def test_one_process_a_workspace(here: Site) -> None:
    filled(here, "a")
    ws = find(here.root)
    with (
        opened(ws, Watch(), None, retry_policy(ws), Times()),  # type: ignore[arg-type]
        pytest.raises(Locked, match="batch-api"),
    ):
        written(here, "a")


# --- stopped


def test_ctrl_c_says_what_stays_and_the_same_command_fetches_it(here: Site, server: FakeBatches) -> None:
    filled(here, *NAMES)
    server.plans.append(Plan(looks=10**6))
    looked_at = threading.Event()

    def gate(where: str, path: str) -> None:
        if where == "look":
            looked_at.set()

    server.gate = gate
    running = here.start("batch", "1A", "--model", FAKE, *VIA, "--json")
    assert looked_at.wait(60)
    wait_for_line(running, "0 of 3 calls done")
    os.kill(running.pid, signal.SIGINT)
    done = here.nursery.wait(running)
    assert done.code == 130, done.err
    assert "stopping: 3 calls in 1 batch stay with the service" in done.err
    assert "--via batch-api fetches them" in done.err
    assert "Traceback" not in done.err
    assert KEY not in done.err + (here.root / "outputs" / "batches.jsonl").read_text()
    assert set(done.json["left"]) == set(NAMES)
    (batch,) = server.batches.values()
    batch.plan = Plan(looks=batch.looks + 1)
    said: list[str] = []
    expand_all(find(here.root), [], spec=FAKE, watch=Watch(line=said.append))
    assert any("3 calls in 1 batch stay" in line and "paid for again" in line for line in said)
    whole = written(here, *NAMES)
    assert [e.ending for e in whole.articles] == ["draft"] * 3
    assert set(server.asked().values()) == {1}


KILLS = {
    "after the upload": ("create", False),
    "after the upload, and the request arrives late": ("create", True),
    "before the batch's ID is stored": ("created", True),
    "while it waits": ("look", True),
    "while it fetches": ("content", True),
    "when all is stored": ("delete", True),
}


@pytest.mark.parametrize("when", KILLS)
def test_killed_and_run_again_nothing_is_sent_twice(here: Site, server: FakeBatches, when: str) -> None:
    where, acted_upon = KILLS[when]
    reached, gone = threading.Event(), threading.Event()

    def gate(at: str, path: str) -> Status | None:
        if at == where and not gone.is_set():
            reached.set()
            gone.wait(60)
            return None if acted_upon else Status(500)
        return None

    filled(here, "a")
    server.gate = gate
    server.plans = [Plan(looks=1)] * 2
    victim = here.start("batch", "1A", "--model", FAKE, *VIA)
    assert reached.wait(60), victim.err
    os.kill(victim.pid, signal.SIGKILL)
    assert here.nursery.wait(victim).code == -signal.SIGKILL
    before = len(server.batches)
    gone.set()
    while where == "create" and acted_upon and len(server.batches) == before:
        threading.Event().wait(0.001)

    assert [e.ending for e in written(here, "a").articles] == ["draft"]
    assert set(server.asked().values()) == {1}
    assert len(here.ledger()) == len(server.asked())
    assert Journal(here.root / "outputs" / "batches.jsonl").outstanding() == []
    assert server.files == {} or where in ("create", "delete")
