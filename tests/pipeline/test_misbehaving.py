"""A service that misbehaves while a whole article is written."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from tests.fakes.openai_server import (
    BadJson,
    CutStream,
    ErrorEvent,
    Refusal,
    Reset,
    Seen,
    Status,
    Step,
    Text,
)
from tests.pipeline.desk import CONTINUE, FAKE, KEY, QUICK, SHORT, Service, Site, task_of

READING, OUTLINE, DIVISION = "# 任务：精读原文", "# 任务：定下扩充的主线", "# 任务：把内容分给各章"
WRITE, REFEREE, MAP, SUMMARY = "# 任务：写", "# 怎样审稿", "# 任务：写导读", "# 任务：写全文小结"
TASKS = (READING, OUTLINE, DIVISION, WRITE, REFEREE, MAP, SUMMARY)
HALF = "half"
"""Stands for: the first half of the right answer, stopped at the length limit."""

FOREVER = 9_999
IMPATIENT = QUICK.replace("wait_cap = 0.0", "wait_cap = 0.0\ntotal_cap = 0.2")
"""Gives a service that is down a fifth of a second to come back."""

Mood = dict[str, list[Step | str]]


class Moody:
    """Answers the first requests of a task with the steps given for it, in order; then as it should. A key that
    is no task stands for the prompts that hold it."""

    def __init__(self, mood: Mood) -> None:
        self.left = {task: list(steps) for task, steps in mood.items()}
        self.given: list[Step | str] = []
        self.service: Service | None = None
        self._lock = threading.Lock()

    def __call__(self, number: int, seen: Seen) -> Step | None:
        prompt = str(seen.body["messages"][1]["content"])
        with self._lock:
            own = next((k for k in self.left if k not in TASKS and k in prompt), task_of(prompt))
            steps = self.left.get(own)
            if not steps:
                return None
            step = steps.pop(0)
            self.given.append(step)
        if isinstance(step, str):
            assert self.service is not None
            whole = self.service.written(seen).text
            return Text(whole[: len(whole) // 2], finish="length")
        return step


@pytest.fixture
def moody(site: Site) -> Callable[[Mood], Service]:
    """A running service in a mood; the workspace is bound to it."""
    running: list[Service] = []

    def make(mood: Mood) -> Service:
        service = Service(Moody(mood))
        service.before.service = service  # type: ignore[union-attr]
        running.append(service.__enter__())
        site.using(service)
        return service

    site.article("a.md")
    site.plan("a.md", "b.md")
    yield make  # type: ignore[misc]
    for service in running:
        service.__exit__(None, None, None)


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory, nursery) -> bytes:  # type: ignore[no-untyped-def]
    """The draft that a well-behaved service leads to."""
    with Service() as service:
        site = Site(tmp_path_factory.mktemp("well"), nursery).using(service)
        site.config("[targets]\nlines = 60\nformulas = 4\n[lab]\nenabled = false\n")
        site.article("a.md")
        site.expand("run", "a", "--model", FAKE)
        return site.draft("a")


TRANSPORT: Mood = {
    READING: [Status(429, retry_after="0"), Status(500), Status(529), Reset()],
    OUTLINE: [CutStream('{"argument": '), CutStream("半句", clean=True), Reset('{"arg')],
    DIVISION: [ErrorEvent(), Status(408), Status(502, body="<html>bad gateway</html>"), BadJson()],
    WRITE: [Status(429, retry_after="0"), CutStream("写到一半"), Status(503), Reset()],
    REFEREE: [Status(500), ErrorEvent(text="")],
    SUMMARY: [Status(429), CutStream()],
}
"""What a connection or an overloaded service does: asked again by itself, never seen by the pipeline."""

REPLIES: Mood = {
    READING: [Text("这不是 JSON"), Text('{"thesis": "缺了其余的键"}')],
    OUTLINE: [Text(""), HALF],
    DIVISION: [Refusal(), Text('{"sections": [], ')],
    "# 任务：写 philosophy.1「": [HALF, Text("写得不错 \\tag{3}")],
    "# 任务：写 theory.3「": [Text("=== nonsense.9\n\n不相干"), HALF],
    "# 任务：写 history.1「": [Text("   \n\n  ")],
    REFEREE: [Text("没有问题"), Text("", finish="content_filter")],
    MAP: [Text("# 一级标题\n\n不许的标题")],
    SUMMARY: [Text("<!-- expand:begin x.1 glue=0 -->\n\n冒充的区域\n"), HALF],
}
"""Replies that arrive and cannot be used: stored, counted, and never content."""


def test_a_bad_connection_leaves_no_trace(site: Site, moody: Callable[[Mood], Service], well: bytes) -> None:
    service = moody(TRANSPORT)
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code in (0, 1), done.err
    moods = service.before
    assert isinstance(moods, Moody)
    assert not any(moods.left.values()), "all of it happened"
    assert site.draft("a") == well
    assert {row["status"] for row in site.ledger()} == {"ok"}
    assert "trying again in" in done.err
    assert len(service.requests) == len(site.ledger()) + sum(map(len, TRANSPORT.values()))


def test_unusable_replies_are_counted_and_never_content(
    site: Site, moody: Callable[[Mood], Service], well: bytes
) -> None:
    service = moody(REPLIES)
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code in (0, 1), done.err
    moods = service.before
    assert isinstance(moods, Moody)
    assert not any(moods.left.values()), "all of it happened"
    assert site.draft("a") == well, "what came in the end is what a well-behaved service says at once"
    rows = site.ledger()
    given = sum(map(len, REPLIES.values()))
    assert Counter(row["status"] for row in rows)["rejected"] == given
    assert all(row["problem"] for row in rows if row["status"] == "rejected")
    assert done.err.count("reply not usable") == given
    report = site.report("a")
    assert report["calls"] == len(rows) == len(service.requests), (
        "rejected replies were paid for and are counted"
    )
    assert report["tokens"]["completion"] == sum(row["completion"] for row in rows)
    assert site.expand("ledger", "stats", "--json").json["rejected"] == given


def test_a_new_try_carries_what_was_wrong(site: Site, moody: Callable[[Mood], Service]) -> None:
    service = moody({READING: [Text("这不是 JSON")], OUTLINE: [HALF]})
    site.expand("run", "a", "--model", FAKE)
    retold = [r.body["messages"] for r in service.requests if len(r.body["messages"]) > 2]
    assert len(retold) == 2
    assert retold[0][-2] == {"role": "assistant", "content": "这不是 JSON"}
    assert "不能用" in retold[0][-1]["content"]
    assert CONTINUE in retold[1][-1]["content"]


def test_a_part_that_never_comes_is_unfinished_and_the_rest_is_written(
    site: Site, moody: Callable[[Mood], Service]
) -> None:
    service = moody({SUMMARY: [Refusal()] * 3, "# 任务：写 philosophy.1「": [Refusal()] * 3})
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code == 1
    report = site.report("a")
    unfinished = {s["id"]: s["reason"] for s in report["sections"] if s["verdict"] == "unfinished"}
    assert unfinished.keys() == {"philosophy.1", "summary"}
    assert all("declined" in reason for reason in unfinished.values())
    assert report["verdict"] == "fail"
    assert site.expand("strip", "outputs/a/draft.md").stdout == SHORT.encode()
    assert site.events()[-1]["event"] == "drafted"
    assert not unfinished.keys() & set(site.events()[-1]["sections"])
    asked = len(service.requests)
    assert site.expand("run", "a", "--model", FAKE).code == 1
    assert len(service.requests) == asked, "run again gives the same draft; redo is how a part is tried anew"


def test_when_no_part_comes_there_is_nothing_to_merge(site: Site, moody: Callable[[Mood], Service]) -> None:
    moody({WRITE: [Refusal()] * 15})
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code == 1
    assert {s["verdict"] for s in site.report("a")["sections"]} == {"unfinished"}
    assert site.expand("strip", "outputs/a/draft.md").stdout == SHORT.encode()
    merged = site.expand("merge", "a")
    assert merged.code in (1, 2), merged.out
    assert (site.root / "blogs_raw" / "a.md").read_bytes() == SHORT.encode()


def test_a_service_that_stays_down_fails_twice_and_is_then_passed_over(
    site: Site, moody: Callable[[Mood], Service]
) -> None:
    service = moody({OUTLINE: [Status(503)] * FOREVER})
    site.config(IMPATIENT)
    site.article("b.md", SHORT.replace("引言一段", "另一篇的引言"))
    for failures in (1, 2):
        done = site.expand("next", "--model", FAKE)
        assert done.code == 3
        assert re.search(r"a/outline.*\d tries", done.err), done.err
        assert "Traceback" not in done.err
        failed = site.events("failed")
        assert len(failed) == failures
        assert "a/outline" in failed[-1]["error"]
        assert site.expand("status", "--json").json["counts"]["failed"] == 1
    assert Counter(service.tasks())[READING] == 1, "the stored reading was used again"
    assert isinstance(service.before, Moody)
    service.before.left.clear()
    done = site.expand("next", "--model", FAKE, "--json")
    assert [row["slug"] for row in done.json] == ["b"]
    assert re.search(r"^a failed 2 times.*passing on$", done.err, re.M), done.err
    assert site.expand("run", "a", "--model", FAKE).code in (0, 1), "by name it can be tried again"


def test_a_failed_article_numbers_on_when_it_is_tried_once_more(
    site: Site, moody: Callable[[Mood], Service]
) -> None:
    service = moody({OUTLINE: [Text("不是 JSON"), Text("还不是"), Text("仍不是")]})
    done = site.expand("next", "--model", FAKE)
    assert done.code == 3
    assert site.events("failed")[0]["retry"] == {"a/outline": 3}
    done = site.expand("next", "--model", FAKE)
    assert done.code in (0, 1), done.err
    tries = [(r["attempt"], r["status"]) for r in site.ledger() if r["name"] == "a/outline"]
    assert tries == [(0, "rejected"), (1, "rejected"), (2, "rejected"), (3, "ok")]
    outlines = [r for r in service.requests if OUTLINE in str(r.body["messages"][1]["content"])]
    assert len(outlines) == 4
    assert outlines[3].body["messages"][-2]["content"] == "仍不是"
    draft, count = site.draft("a"), len(service.requests)
    site.expand("run", "a", "--model", FAKE)
    assert (site.draft("a"), len(service.requests)) == (draft, count), "and again it asks nothing"


FILTERED = Status(400, "Input data may contain inappropriate content.", code="data_inspection_failed")


@pytest.mark.parametrize("step", [FILTERED, Status(400, "what is this")], ids=["filter", "400"])
def test_an_article_that_is_not_taken_fails_twice_and_is_then_passed_over(
    site: Site, moody: Callable[[Mood], Service], step: Status
) -> None:
    moody({"引言一段": [step] * FOREVER})
    site.article("b.md", SHORT.replace("引言一段", "另一篇的引言"))
    for failures in (1, 2):
        done = site.expand("next", "--model", FAKE)
        assert done.code == 3, done.err
        assert [event["slug"] for event in site.events("failed")] == ["a"] * failures
    done = site.expand("next", "--model", FAKE, "--json")
    assert [row["slug"] for row in done.json] == ["b"]


def test_a_filter_that_declines_one_part_leaves_that_one_unfinished(
    site: Site, moody: Callable[[Mood], Service]
) -> None:
    service = moody({"# 任务：写 philosophy.1「": [FILTERED]})
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code == 1, done.err
    unfinished = [s["id"] for s in site.report("a")["sections"] if s["verdict"] == "unfinished"]
    assert unfinished == ["philosophy.1"]
    assert "does not take" not in done.err
    assert len(service.requests) == len(site.ledger()) + 1


@pytest.mark.parametrize(
    "step",
    [
        Status(
            401,
            f"Incorrect API key provided: {KEY}. You can find your key at example.org",
            code="invalid_api_key",
        ),
        Status(500, f"internal: Authorization: Bearer {KEY}"),
        Status(400, f"headers were {{'authorization': 'Bearer {KEY}'}}", body=f"Bearer {KEY}"),
    ],
    ids=["401", "500", "400"],
)
def test_the_key_appears_nowhere(site: Site, moody: Callable[[Mood], Service], step: Status) -> None:
    moody({READING: [step] * FOREVER})
    site.config(IMPATIENT)
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code == 3
    assert "a/reading" in done.err
    for text in (done.out, done.err):
        assert KEY not in text
        assert KEY[-8:] not in text
    for path in site.files():
        assert KEY.encode() not in path.read_bytes(), path
    if step.status == 401:
        assert not site.events("failed"), "a wrong key says nothing about the article"
        debug = site.expand("--debug", "run", "a", "--model", FAKE)
        assert "Traceback" in debug.err
        assert KEY not in debug.err + debug.out


def test_the_key_is_in_nothing_a_good_run_leaves(site: Site, service: Service) -> None:
    site.article("a.md")
    done = site.expand("run", "a", "--model", FAKE)
    assert all(r.headers["authorization"] == f"Bearer {KEY}" for r in service.requests)
    assert KEY not in done.out + done.err
    assert site.expand("ledger", "export", "e.jsonl").code == 0
    for path in site.files():
        assert KEY.encode() not in path.read_bytes(), path


def test_a_budget_stops_before_it_is_broken_and_a_higher_one_goes_on(site: Site, service: Service) -> None:
    site.article("a.md")
    settings = (site.root / "config.toml").read_text(encoding="utf-8")
    site.config(settings + "[budget]\ntokens = 30000\n")
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code == 4
    assert "raise the cap" in done.err
    spent = sum(r["prompt"] + r["completion"] for r in site.ledger())
    assert 0 < spent <= 30000
    assert not site.events("failed"), "a reached cap is no failure of the article"
    asked = len(service.requests)
    site.config(settings)
    assert site.expand("run", "a", "--model", FAKE).code in (0, 1)
    assert len(service.requests) == len(site.ledger()) > asked


def test_a_program_that_keeps_failing_ends_the_run(site: Site) -> None:
    """It is no service that may come back: nothing is held, and nobody waits until the patience is over."""
    site.article("a.md")
    done = site.expand("run", "a", "--model", "command:false")
    assert done.code == 3
    assert "a/reading: false ended with code 1" in done.err
    assert "a/reading: a/reading" not in done.err
    assert "held" not in done.err
    assert done.err.count("trying again") < 6
