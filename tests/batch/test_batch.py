"""`expand batch`, as a person runs it, against a service on loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.batch import expand_all
from agent.errors import LedgerError
from agent.llm import Ledger, Paid, Row
from agent.pipeline.estimate import known
from agent.pipeline.watch import Watch
from agent.records import Call, Reply, Usage
from agent.workspace import find
from tests.fakes.openai_server import Seen, Status, Step, Text
from tests.pipeline.desk import FAKE, QUICK, SHORT, Service, Site, task_of


def asked(seen: Seen) -> str:
    """All that shapes an answer: two requests with the same one ask the same."""
    return json.dumps({k: v for k, v in seen.body.items() if k not in ("stream", "stream_options")})


READING = "# 任务：精读原文"
NAMES = ("a", "b", "c")


def filled(site: Site, *names: str) -> Site:
    for name in names:
        site.article(f"{name}.md", SHORT.replace("引言一段", f"引言{name}段"))
    site.plan(*(f"{name}.md" for name in names))
    return site


def is_about(seen: Seen, name: str) -> bool:
    return f"引言{name}段" in str(seen.body["messages"][1]["content"])


def batch(site: Site, *argv: str) -> Any:
    return site.expand("batch", "1A", "--model", FAKE, *argv)


def test_all_articles_of_a_sub_batch(site: Site, service: Service) -> None:
    filled(site, *NAMES)
    done = batch(site, "-j", "3", "--json")
    assert done.code in (0, 1), done.err
    data = done.json
    assert [(row["slug"], row["ending"]) for row in data["articles"]] == [(n, "draft") for n in NAMES]
    assert data["drafts"] == 3
    assert data["left"] == []
    assert all((site.output(n) / "draft.md").is_file() for n in NAMES)
    assert sorted(e["slug"] for e in site.events("drafted")) == list(NAMES)
    assert "1A" in (site.root / "PROGRESS_REPORT.md").read_text(encoding="utf-8")
    count = len(service.requests)
    again = batch(site)
    assert again.code == 0
    assert "no article of 1A is pending" in again.out
    assert len(service.requests) == count


def test_a_draft_does_not_depend_on_what_is_written_beside_it(
    site: Site, new_site: Callable[[str], Site], service: Service
) -> None:
    alone = filled(new_site("alone").using(service), "b")
    alone.expand("run", "b", "--model", FAKE)
    batch(filled(site, *NAMES), "-j", "5")
    assert site.draft("b") == alone.draft("b")


def test_a_limit_takes_the_first(site: Site) -> None:
    filled(site, *NAMES)
    assert [row["slug"] for row in batch(site, "--limit", "2", "--json").json["articles"]] == ["a", "b"]
    assert [row["slug"] for row in batch(site, "--json").json["articles"]] == ["c"]


def test_a_batch_that_is_not_there(site: Site) -> None:
    filled(site, "a")
    done = site.expand("batch", "1B", "--model", FAKE)
    assert done.code == 2
    assert re.search(r"did you mean .*1A", done.err)


def test_a_dry_run_thinks_of_the_model_that_would_answer(site: Site) -> None:
    """`auto` is the recording where there is no key, and nothing at all where there is none of either."""
    site.article("a.md")
    site.article("b.md")
    site.plan("a.md", "b.md")
    site.env.pop("OPENAI_API_KEY", None)
    (site.root / "recordings").mkdir()
    (site.root / "recordings" / "a.jsonl").write_text("", encoding="utf-8")
    done = site.expand("next", "--dry-run", "--json")
    (row,) = done.json
    assert (row["slug"], row["estimate"]["model"], row["estimate"]["cost"]) == ("a", "replay", 0.0)
    assert row["problem"] == ""
    (row,) = site.expand("run", "b", "--dry-run", "--json").json
    there = site.env["OPENAI_BASE_URL"].removeprefix("http://")
    assert row["estimate"]["model"] == f"openai:gpt-5-mini@{there}"
    assert "no key is set" in row["problem"]
    assert "would not start: b: no key is set" in site.expand("run", "b", "--dry-run").out
    assert "would not start: b: no key is set" in site.expand("batch", "1A", "--dry-run").out


def test_dry_run_says_what_it_takes_and_asks_nothing(site: Site, service: Service) -> None:
    filled(site, *NAMES)
    done = batch(site, "--dry-run", "--json", "-j", "2")
    assert done.code == 0
    rows, total = done.json["articles"], done.json["total"]
    assert [row["slug"] for row in rows] == list(NAMES)
    assert total["calls"] == sum(row["estimate"]["calls"] for row in rows) > 0
    assert total["cost"] is None
    assert not service.requests
    assert not (site.root / "outputs" / "ledger.db").exists()
    screen = batch(site, "--dry-run").out
    assert re.search(r"all together +3 articles", screen)
    assert "its price is not known" in screen
    site.config(QUICK + '[prices.models]\n"openai:fake" = {input = 1.0, cached = 0.1, output = 2.0}\n')
    priced = batch(site, "--dry-run", "--json").json["total"]
    prompt, reply = priced["prompt_tokens"], priced["completion_tokens"]
    expected = (0.2 * prompt * 1.0 + 0.8 * prompt * 0.1 + reply * 2.0) / 1e6
    assert abs(priced["cost"] - expected) < 0.001


def test_dry_run_prices_the_endpoint_that_would_be_asked(site: Site) -> None:
    filled(site, "a")

    def guess(spec: str, settings: str) -> tuple[str, float | None]:
        site.config(QUICK + settings)
        estimate = site.expand("run", "a", "--model", spec, "--dry-run", "--json").json[0]["estimate"]
        return estimate["model"], estimate["cost"]

    deepseek = '[model]\nbase_url = "https://api.deepseek.com"\n'
    model, cost = guess("openai:deepseek-chat", deepseek)
    assert (model, cost is not None) == ("openai:deepseek-chat@api.deepseek.com", True)
    # A name that OpenAI has too, somewhere else.
    elsewhere = '[model]\nbase_url = "https://example.org/v1"\n'
    assert guess("openai:gpt-5-mini", elsewhere) == ("openai:gpt-5-mini@example.org/v1", None)
    mine = '[prices.models]\n"openai:gpt-5-mini@example.org/v1" = {input = 1.0, output = 2.0}\n'
    assert (guess("openai:gpt-5-mini", elsewhere + mine)[1] or 0) > 0


def test_the_pace_of_another_endpoint_teaches_nothing() -> None:
    here, there = "openai:m@10.0.0.1/v1", "openai:m@10.0.0.2/v1"
    rows = [
        Paid(f"a/{n}", model, Usage(), seconds, "ok", "")
        for n in range(5)
        for model, seconds in ((here, 2.0), (there, 60.0))
    ]
    assert known(rows, ["a"], here)["a"].seconds == 2.0
    assert known(rows, ["a"], "openai:m")["a"].seconds is None


def test_one_article_that_fails_stops_no_other_and_is_tried_once_more(
    site: Site, new_site: Callable[[str], Site]
) -> None:
    given: list[int] = []

    def before(number: int, seen: Seen) -> Step | None:
        if is_about(seen, "b") and task_of(prompt_of_first(seen)) == READING and len(given) < 4:
            given.append(number)
            return Text("这不是 JSON")
        return None

    with Service(before) as service:
        site.using(service)
        filled(site, *NAMES)
        done = batch(site, "--json")
    assert done.code in (0, 1), done.err
    assert [row["ending"] for row in done.json["articles"]] == ["draft"] * 3
    assert "b failed and is tried once more" in done.err
    assert len(site.events("failed")) == 1
    tries = [(r["attempt"], r["status"]) for r in site.ledger() if r["name"] == "b/reading"]
    assert tries == [(0, "rejected"), (1, "rejected"), (2, "rejected"), (3, "rejected"), (4, "ok")]


def prompt_of_first(seen: Seen) -> str:
    return str(seen.body["messages"][1]["content"])


def test_what_fails_twice_is_passed_over(site: Site) -> None:
    def before(number: int, seen: Seen) -> Step | None:
        hopeless = is_about(seen, "b") and task_of(prompt_of_first(seen)) == READING
        return Text("这不是 JSON") if hopeless else None

    with Service(before) as service:
        site.using(service)
        filled(site, *NAMES)
        done = batch(site, "--json")
        assert done.code == 3
        assert [row["ending"] for row in done.json["articles"]] == ["draft", "failed", "draft"]
        assert len(site.events("failed")) == 2
        again = batch(site)
        assert again.code == 0
        assert "b failed 2 times" in again.err


def test_a_prompt_that_does_not_fit_is_that_articles_alone(site: Site) -> None:
    def before(number: int, seen: Seen) -> Step | None:
        if is_about(seen, "a"):
            return Status(400, "maximum context length is 10 tokens", code="context_length_exceeded")
        return None

    with Service(before) as service:
        site.using(service)
        filled(site, *NAMES)
        done = batch(site, "--json")
    assert done.code == 3
    first = done.json["articles"][0]
    assert first["ending"] == "failed"
    assert "context" in first["error"]
    assert "larger context window" in first["hint"]
    assert [row["ending"] for row in done.json["articles"][1:]] == ["draft", "draft"]
    assert len([r for r in service.requests if is_about(r, "a")]) == 1, "asked again it would not fit either"


def test_a_cap_stops_before_the_call_that_could_break_it_and_the_next_run_goes_on(site: Site) -> None:
    def config(cap: float) -> str:
        price = '[prices.models]\n"openai:fake" = {input = 100.0, output = 100.0}\n'
        return QUICK + price + f"[budget]\nrun = {cap}\n"

    with Service() as service:
        site.using(service)
        filled(site, *NAMES)
        site.config(config(4.0))
        done = batch(site, "--json", "-j", "3")
        assert done.code == 4, done.err
        spent = json.loads(site.expand("cost", "--json").out)["total"]
        assert 0 < spent["cost"] <= 4.0
        assert done.json["left"]
        assert "raise the cap" in str(done.json)
        stored = Counter(asked(r) for r in service.requests)
        assert max(stored.values()) == 1
        for _ in range(9):
            site.config(config(1000.0))
            done = batch(site, "--json", "-j", "3")
            if done.code != 4:
                break
        assert done.code in (0, 1), done.err
        assert max(Counter(asked(r) for r in service.requests).values()) == 1, "nothing was paid twice"


def test_an_unknown_price_cannot_keep_a_cap_in_dollars(site: Site, service: Service) -> None:
    filled(site, "a")
    site.config(QUICK + "[budget]\nday = 1.0\n")
    done = batch(site)
    assert done.code == 2
    assert "price of openai:fake" in done.out + done.err
    assert not service.requests


def test_what_ended_all_of_them_is_said_once(site: Site) -> None:
    def refuse(number: int, seen: Seen) -> Step:
        return Status(401, "Incorrect API key provided")

    with Service(refuse) as service:
        filled(site.using(service), *NAMES)
        done = site.expand("batch", "1A", "--limit", "9")
        assert done.code == 3, done
        assert done.out.count("Incorrect API key") == 1, done.out
        assert re.search(r"3 articles: openai:\S+: HTTP 401: Incorrect API key", done.out)
        assert done.err.count("model auto:") == 1, done.err
        del site.env["OPENAI_API_KEY"]
        assert site.expand("batch", "1A", "--dry-run").out.count("would not start") == 1


def test_what_is_left_goes_on_by_the_same_command(site: Site) -> None:
    filled(site, *NAMES)
    site.config(QUICK + "[budget]\ntokens = 1\n")
    done = site.expand("batch", "1A", "--limit", "2", "-j", "3", "--model", FAKE)
    assert done.code == 4, done
    again = f"expand batch 1A -j 3 --limit 2 --model {FAKE}"
    assert f"go on with: {again}\n" in done.out
    site.config(QUICK)
    done = site.expand(*again.split()[1:], "--json")
    assert [row["slug"] for row in done.json["articles"]] == ["a", "b"]
    assert done.json["again"] == again


def test_costs_by_role_and_day(site: Site) -> None:
    filled(site, "a")
    batch(site)
    cost = site.expand("cost", "--json").json
    roles = {row["name"]: row["calls"] for row in cost["role"]}
    assert set(roles) == {"planner", "writer", "referee"}
    assert sum(roles.values()) == cost["total"]["calls"] == len(site.ledger())
    assert {len(row["name"]) for row in cost["day"]} == {10}, "two days around midnight"


def test_ctrl_c_waits_for_what_is_paid_and_says_what_is_left(site: Site) -> None:
    gate, reached = threading.Event(), threading.Event()

    def before(number: int, seen: Seen) -> Step | None:
        if number >= 5:
            reached.set()
            gate.wait(60)
        return None

    with Service(before) as service:
        site.using(service)
        filled(site, *NAMES)
        running = site.start("batch", "1A", "-j", "3", "--model", FAKE, "--json")
        assert reached.wait(60)
        os.kill(running.pid, signal.SIGINT)
        wait_for_line(running, "stopping:")
        gate.set()
        done = site.nursery.wait(running)
        assert done.code == 130, done.err
        assert re.search(r"stopping: \d repl(?:y|ies) under way", done.err)
        assert "Traceback" not in done.err
        assert set(done.json["left"]) == set(NAMES)
        # All that the service answered is stored, and the next run asks for none of it again.
        assert len(site.ledger()) == len(service.requests)
        done = batch(site, "--json")
        assert done.code in (0, 1)
        assert max(Counter(asked(r) for r in service.requests).values()) == 1


def wait_for_line(running: Any, text: str) -> None:
    deadline = threading.Event()
    for _ in range(6000):
        if text in running.err:
            return
        deadline.wait(0.01)
    raise AssertionError(running.err)


def test_a_second_ctrl_c_ends_at_once(site: Site) -> None:
    gate, reached = threading.Event(), threading.Event()

    def before(number: int, seen: Seen) -> Step | None:
        reached.set()
        gate.wait(60)
        return None

    with Service(before) as service:
        site.using(service)
        filled(site, "a")
        running = site.start("batch", "1A", "--model", FAKE)
        assert reached.wait(60)
        os.kill(running.pid, signal.SIGINT)
        wait_for_line(running, "stopping:")
        os.kill(running.pid, signal.SIGINT)
        done = site.nursery.wait(running)
        gate.set()
    assert done.code == 130
    assert "error: interrupted" in done.err


def test_an_article_that_another_process_has_is_passed_over(site: Site) -> None:
    gate, reached = threading.Event(), threading.Event()

    def before(number: int, seen: Seen) -> Step | None:
        if is_about(seen, "b") and not gate.is_set():
            reached.set()
            gate.wait(60)
        return None

    with Service(before) as service:
        site.using(service)
        filled(site, *NAMES)
        other = site.start("run", "b", "--model", FAKE)
        assert reached.wait(60)
        done = batch(site, "--json")
        gate.set()
        assert site.nursery.wait(other).code in (0, 1)
    assert [row["ending"] for row in done.json["articles"]] == ["draft", "locked", "draft"]
    assert "b is being worked on by another process" in done.err
    assert max(Counter(asked(r) for r in service.requests).values()) == 1


def test_events_for_other_programs(site: Site, tmp_path: Path) -> None:
    filled(site, "a", "b")
    file = tmp_path / "events.jsonl"
    done = batch(site, "--events", str(file), "--json")
    rows = [json.loads(x) for x in file.read_text(encoding="utf-8").splitlines()]
    kinds = Counter(row["event"] for row in rows)
    assert kinds["begin"] == kinds["end"] == 2
    assert {row["name"] for row in rows if row["event"] == "stored"} >= {r["name"] for r in site.ledger()}
    assert rows[-1]["event"] == "result"
    assert rows[-1]["data"] == done.json
    stdout = site.expand("run", "a", "--model", FAKE, "--events", "-").out.splitlines()
    assert json.loads(stdout[-1])["event"] == "result"
    assert all(json.loads(x)["at"] for x in stdout)


def test_without_a_terminal_there_are_plain_lines(site: Site) -> None:
    filled(site, "a", "b")
    done = batch(site)
    assert "a: 精读" in done.err
    assert re.search(r"^[ab]: draft\. 2 of 2 drafts", done.err, re.M)
    assert "\x1b" not in done.err + done.out
    assert not list((site.root / "outputs" / ".locks").glob("live-*")), "notes of a run end with it"


def test_a_full_disk_stops_everything_and_the_next_run_goes_on(
    site: Site, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply that cannot be stored would be paid for again: nothing more is asked. The limit on SQLite's pages
    fails as a full disk does."""

    class Cramped(Ledger):
        def put(self, call: Call, reply: Reply, *, seconds: float) -> Row:
            if len(self.rows()) >= 5:
                pages = self._db.execute("PRAGMA page_count").fetchone()[0]
                self._db.execute(f"PRAGMA max_page_count = {pages}")
            return super().put(call, reply, seconds=seconds)

    filled(site, *NAMES)
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, site.env[name])
    said: list[str] = []
    paths = [site.root / "blogs_raw" / f"{name}.md" for name in NAMES]
    with monkeypatch.context() as cramped:
        cramped.setattr("agent.pipeline.resources.Ledger", Cramped)
        with pytest.raises(LedgerError, match="full") as caught:
            expand_all(find(site.root), paths, spec=FAKE, watch=Watch(line=said.append), slots=3)
    assert "room" in caught.value.hint
    assert any("stopping" in line for line in said)
    stored, count = len(site.ledger()), len(service.requests)
    assert stored >= 5
    assert count <= stored + 3, "only what was under way is lost"
    done = batch(site, "--json")
    assert done.code in (0, 1)
    assert len(service.requests) - count == len(site.ledger()) - stored


def test_a_service_that_is_gone_leaves_the_articles_for_later(site: Site) -> None:
    """No article is charged with it, however often it happens."""
    gone = threading.Event()
    gone.set()

    def before(number: int, seen: Seen) -> Step | None:
        return Status(503, "gone fishing") if gone.is_set() else None

    with Service(before) as service:
        site.using(service)
        site.config(QUICK.replace("wait_cap = 0.0", "wait_cap = 0.0\ntotal_cap = 0.2"))
        filled(site, *NAMES)
        for _ in range(3):
            done = batch(site, "--json")
            assert done.code == 3
            assert "does not answer" in done.err
            assert "gone fishing" in done.err
            assert {row["ending"] for row in done.json["articles"]} <= {"left"}
            assert "Traceback" not in done.err
        gone.clear()
        done = batch(site, "--json")
    assert done.code in (0, 1), done.err
    assert done.json["drafts"] == 3
