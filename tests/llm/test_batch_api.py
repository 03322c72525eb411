"""Calls through a batch API: gathered, sent, waited for, found again, and never paid for twice."""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import ContextOverflow, LedgerError, NotConfigured, Rejected, Unavailable, UsageError
from agent.llm import Answer, Ledger, key_of
from agent.llm.batch_results import Result, id_of, sorted_out
from agent.llm.openai_batches import ENDPOINT, MARK
from agent.records import Usage
from tests.fakes.batch_server import FakeBatches, Plan
from tests.fakes.openai_server import Status, Step, Text
from tests.llm.batches import Run, answer, numbered, told
from tests.llm.helpers import SECRET, make_call, make_request, settings_for


@pytest.fixture
def server() -> Iterator[FakeBatches]:
    with FakeBatches(answers=answer) as made:
        yield made


@pytest.fixture
def run(tmp_path: Path, server: FakeBatches) -> Run:
    return Run(tmp_path, server)


def texts(answers: Any) -> list[str]:
    return [a.text for a in answers]


def test_calls_that_wait_together_go_as_one_file(run: Run, server: FakeBatches) -> None:
    assert texts(run.ask(*numbered(5))) == told(5)
    (batch,) = server.batches.values()
    assert len(batch.lines) == 5
    assert batch.body["completion_window"] == "24h"
    for line in batch.lines:
        assert re.fullmatch(r"[0-9a-f]{64}", line["custom_id"]), "services take 64 characters"
        assert (line["method"], line["url"], line["body"]["model"]) == ("POST", "/v1/chat/completions", "any")
        assert not {"stream", "stream_options"} & line["body"].keys()
    assert run.journal().outstanding() == []
    assert server.files == {}, "what was fetched is deleted"
    assert "5 of 5 calls done" in run.said()
    assert "may be stopped" in run.said()


def test_an_attempt_that_follows_goes_in_the_next_file(tmp_path: Path) -> None:
    def malformed(body: dict[str, Any]) -> str:
        return answer(body) if "重写" in body["messages"][-1]["content"] else "没有"

    with FakeBatches(answers=malformed) as server:
        assert texts(Run(tmp_path, server).ask(*numbered(3))) == told(3)
        assert [len(b.lines) for b in server.batches.values()] == [3, 3]


def test_an_answer_got_one_way_is_not_asked_for_the_other_way(run: Run, server: FakeBatches) -> None:
    run.ask(*numbered(3))
    with Ledger(run.folder / "ledger.db") as ledger:
        assert {r.reply.usage for r in ledger.rows()} == {Usage(11, 5, 7, batched=True)}
        assert ledger.verify() == []
    assert texts(run.ask(*numbered(3))) == told(3)
    assert len(server.batches) == 1


def test_waits_grow_while_a_batch_runs(run: Run, server: FakeBatches) -> None:
    server.plans.append(Plan(looks=14))
    run.ask(*numbered(1))
    looks = run.waits[1:14]
    assert looks == sorted(looks)
    assert looks[0] == 10.0
    assert looks[-1] == 300.0


# --- what goes wrong with a batch


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_whatever_comes_of_the_batches_every_call_is_answered_and_run_once(data: st.DataObject) -> None:
    """Partial results, in any order, with doubles and strangers among them."""
    count = data.draw(st.integers(1, 6))
    plans = []
    for _ in range(2):
        ending = data.draw(st.sampled_from(["completed", "expired"]))
        ran = data.draw(st.sets(st.integers(0, count - 1)))
        seed = data.draw(st.integers(0, 99))
        plans.append(plan_of(ending, ran, seed))
    with (
        tempfile.TemporaryDirectory() as folder,
        FakeBatches(answers=answer) as server,
    ):
        server.plans = plans
        run = Run(Path(folder), server)
        assert texts(run.ask(*numbered(count))) == told(count)
        assert set(server.ran().values()) == {1}
        assert len(server.ran()) == count
        assert run.journal().outstanding() == []


def plan_of(ending: Any, ran: set[int], seed: int) -> Plan:
    rng = random.Random(seed)

    def spoilt(lines: list[bytes]) -> list[bytes]:
        stranger = json.dumps({"custom_id": "someone", "response": {"status_code": 200, "body": {}}}).encode()
        mixed = [*lines, *lines[:1], stranger + b"\n", b"[]\n", b'{"custom_id": [1]}\n']
        rng.shuffle(mixed)
        return mixed

    if ending == "expired":
        return Plan(ending, answers=lambda n, line: n in ran, results=spoilt)
    return Plan(results=spoilt)


def test_what_no_batch_answers_is_given_up_after_three(run: Run, server: FakeBatches) -> None:
    server.plans = [
        Plan("expired", answers=lambda n, line: answer(line["body"]) != "答1。") for _ in range(3)
    ]
    found = run.outcomes(*numbered(3))
    assert isinstance(found[1], Unavailable)
    assert "window closed" in str(found[1])
    assert [a.text for a in found if isinstance(a, Answer)] == ["答0。", "答2。"]
    assert [len(b.lines) for b in server.batches.values()] == [3, 1, 1]


def test_an_answer_that_is_missing_is_asked_for_again(run: Run, server: FakeBatches) -> None:
    server.plans.append(Plan(silent=lambda n, line: n == 0))
    assert texts(run.ask(*numbered(2))) == told(2)
    assert "did not come whole" in run.said()


@pytest.mark.parametrize("cut", [lambda lines: [*lines[:-1], lines[-1][:40]], lambda lines: lines[:-1]])
def test_results_that_come_cut_are_fetched_again(run: Run, server: FakeBatches, cut: Any) -> None:
    """In the middle of a line, or between two."""
    fetched = 0
    whole: dict[str, bytes] = {}

    def gate(where: str, path: str) -> Status | None:
        nonlocal fetched
        if where == "content":
            id = path.split("/")[3]
            fetched += 1
            whole.setdefault(id, server.files[id])
            lines = whole[id].splitlines(keepends=True)
            server.files[id] = b"".join(cut(lines)) if fetched == 1 else whole[id]
        return None

    server.gate = gate
    assert texts(run.ask(*numbered(3))) == told(3)
    assert fetched == 2
    assert len(server.batches) == 1


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(400, "context_length_exceeded", ContextOverflow), (401, None, Rejected), (429, "insufficient_quota", Rejected)],
)  # fmt: skip
def test_errors_of_lines_are_those_of_calls(
    tmp_path: Path, status: int, code: str | None, error: type[Exception]
) -> None:
    with FakeBatches(Status(status, f"no, {SECRET}", code=code), answers=answer) as server:
        found = Run(tmp_path, server).outcomes(*numbered(2))
    assert type(found[0]) is error
    assert "art0/0" in str(found[0])
    assert SECRET not in str(found[0])
    assert isinstance(found[1], Answer)


@pytest.mark.parametrize("step", [Status(500), Status(429), Text(finish="network_error")])
def test_lines_that_failed_for_now_go_in_the_next_file(tmp_path: Path, step: Step) -> None:
    with FakeBatches(step, answers=answer) as server:
        run = Run(tmp_path, server)
        assert texts(run.ask(*numbered(3))) == told(3)
        assert [len(b.lines) for b in server.batches.values()] == [3, 1]


def test_what_the_endpoint_does_not_take_is_left_out_of_the_next_file(tmp_path: Path) -> None:
    with FakeBatches(answers=answer, refuses=("temperature",)) as server:
        run = Run(tmp_path, server)
        asked = [
            make_request(f"a/{n}", f"写 {n}", params={"max_tokens": 9, "temperature": 1}) for n in (0, 1)
        ]
        assert texts(run.ask(*asked)) == told(2)
        first, second = server.batches.values()
    assert ["temperature" in line["body"] for line in first.lines + second.lines] == [True] * 2 + [False] * 2


def test_a_refused_file_names_the_lines(run: Run, server: FakeBatches) -> None:
    server.plans.append(Plan("failed", refused=({"code": "invalid_json", "line": 2, "message": "bad line"},)))
    found = run.outcomes(*numbered(3))
    assert isinstance(found[1], Rejected)
    assert "bad line" in str(found[1])
    assert [a.text for a in found if isinstance(a, Answer)] == ["答0。", "答2。"]


def test_a_file_refused_as_a_whole_says_why(run: Run, server: FakeBatches) -> None:
    server.plans.append(Plan("failed", refused=({"code": "model_not_found", "message": "no such model"},)))
    assert all("no such model" in str(f) and isinstance(f, Rejected) for f in run.outcomes(*numbered(2)))
    assert run.journal().outstanding() == []


def test_a_cancelled_batch_keeps_what_it_answered_and_is_not_sent_behind_a_persons_back(
    run: Run, server: FakeBatches
) -> None:
    server.plans.append(Plan("cancelled", answers=lambda n, line: n == 0))
    first, second = run.outcomes(*numbered(2))
    assert isinstance(first, Answer)
    assert isinstance(second, Rejected)
    assert "same command again" in second.hint
    assert texts(run.ask(*numbered(2))) == told(2)
    assert set(server.ran().values()) == {1}


# --- too much at once


LIMIT = ({"code": "token_limit_exceeded", "line": None, "message": "Enqueued token limit reached"},)


def test_too_many_tokens_make_smaller_files(run: Run, server: FakeBatches) -> None:
    """The limit shows when the batch is looked at: it is made, and fails."""
    server.plans = [Plan("failed", looks=1, refused=LIMIT) for _ in range(3)]
    assert texts(run.ask(*numbered(8))) == told(8)
    sizes = [len(b.lines) for b in server.batches.values()]
    # How small they get depends on how many were on their way when one failed.
    assert sizes[:2] == [8, 4]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] <= 2
    assert set(server.ran().values()) == {1}


def test_a_429_on_making_a_batch_waits_and_sends_the_same(run: Run, server: FakeBatches) -> None:
    refusals = [Status(429, "too many enqueued tokens")]
    server.gate = lambda where, path: refusals.pop() if where == "create" and refusals else None
    assert texts(run.ask(*numbered(4))) == told(4)
    assert [len(b.lines) for b in server.batches.values()] == [4]
    assert server.files == {}


def test_files_stay_within_what_services_take(
    run: Run, server: FakeBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.llm.batch_model.FILE_BYTES", 700)
    assert texts(run.ask(*numbered(7))) == told(7)
    assert len(server.batches) > 1
    for batch in server.batches.values():
        assert sum(len(json.dumps(line, ensure_ascii=False).encode()) + 1 for line in batch.lines) <= 700


# --- a service that comes and goes


def test_a_batch_whose_making_got_no_answer_is_looked_for_before_it_is_made_again(
    run: Run, server: FakeBatches
) -> None:
    lost = [Status(500, "lost")]
    server.gate = lambda where, path: lost.pop() if where == "created" and lost else None
    assert texts(run.ask(*numbered(3))) == told(3)
    assert len(server.batches) == 1


def test_a_batch_whose_making_never_got_an_answer_is_found_by_a_later_run(
    run: Run, server: FakeBatches
) -> None:
    server.gate = lambda where, path: Status(500, "away") if where in ("created", "list") else None
    found = run.outcomes(*numbered(3))
    assert all(isinstance(f, Unavailable) for f in found)
    server.gate = lambda where, path: None
    assert texts(run.ask(*numbered(3))) == told(3)
    assert set(server.asked().values()) == {1}


def test_a_request_that_arrives_late_is_waited_for(run: Run, server: FakeBatches) -> None:
    """The process died, what it had sent was still on its way, and the next run looks too early."""
    server.gate = lambda where, path: Status(500, "away") if where in ("create", "list") else None
    run.outcomes(*numbered(2))
    (round,) = run.journal().outstanding()
    late = {"input_file_id": round.file, "endpoint": ENDPOINT, "metadata": {MARK: round.id}}
    before: list[str] = []

    def gate(where: str, path: str) -> None:
        before.append(where)
        if len(before) == 2:  # whatever is asked after the first look
            server.create(late)

    server.gate = gate
    run.time = 0.0
    assert texts(run.ask(*numbered(2))) == told(2)
    assert set(server.asked().values()) == {1}


def test_it_is_found_on_a_later_page(run: Run, server: FakeBatches) -> None:
    server.gate = lambda where, path: Status(500, "away") if where in ("created", "list") else None
    run.outcomes(*numbered(2))
    server.gate = lambda where, path: None
    for _ in range(130):
        server.create({"input_file_id": server.upload(b"")["id"], "endpoint": "x"})
    assert texts(run.ask(*numbered(2))) == told(2)
    assert set(server.asked().values()) == {1}


def test_a_service_that_is_away_for_hours_is_waited_for(run: Run, server: FakeBatches) -> None:
    away = [Status(502, "bad gateway") for _ in range(40)]
    server.gate = lambda where, path: away.pop() if where in ("look", "content") and away else None
    assert texts(run.ask(*numbered(2))) == told(2)
    assert run.time > 3600
    assert len(server.batches) == 1


def test_an_endpoint_without_a_batch_api_says_so(tmp_path: Path) -> None:
    with FakeBatches() as server:
        server.gate = lambda where, path: Status(404, "not found")
        (error,) = Run(tmp_path, server).outcomes(make_request())
    assert isinstance(error, Rejected)
    assert "leave --via out" in error.hint


def test_another_key_does_not_see_the_batch_and_nothing_is_asked_anew(run: Run, server: FakeBatches) -> None:
    stop_while_waiting(run, server, 2)
    server.gate = lambda where, path: Status(404, "no such batch") if where == "look" else None
    found = run.outcomes(*numbered(2))
    assert all(isinstance(f, Rejected) and "key it was made with" in f.hint for f in found)
    assert len(server.batches) == 1


def test_results_that_are_gone_are_asked_for_again(run: Run, server: FakeBatches) -> None:
    stop_while_waiting(run, server, 2)
    gone = [Status(404, "expired")]
    server.gate = lambda where, path: gone.pop() if where == "content" and gone else None
    assert texts(run.ask(*numbered(2))) == told(2)
    assert len(server.batches) == 2


# --- stopped and run again


def stop_while_waiting(run: Run, server: FakeBatches, count: int) -> None:
    """A run that is refused while it waits: as far as the service knows, it went away."""
    server.gate = lambda where, path: Status(401, "key revoked") if where == "look" else None
    assert all(isinstance(f, Rejected) for f in run.outcomes(*numbered(count)))
    server.gate = lambda where, path: None
    assert len(run.journal().outstanding()) == 1


def test_a_later_run_takes_what_an_earlier_one_sent(run: Run, server: FakeBatches) -> None:
    stop_while_waiting(run, server, 3)
    assert texts(run.ask(*numbered(5))) == told(5)
    assert [len(b.lines) for b in server.batches.values()] == [3, 2]
    assert set(server.asked().values()) == {1}
    assert run.journal().outstanding() == []


def test_answers_that_nobody_asks_for_stay_for_a_later_run(run: Run, server: FakeBatches) -> None:
    stop_while_waiting(run, server, 3)
    assert texts(run.ask(*numbered(1))) == told(1)
    assert len(run.journal().outstanding()) == 1
    assert texts(run.ask(*numbered(3))) == told(3)
    assert run.journal().outstanding() == []
    assert len(server.batches) == 1


def test_a_later_run_asks_again_what_the_batch_refused(run: Run, server: FakeBatches) -> None:
    stop_while_waiting(run, server, 2)
    server.push(Status(400, "unknown parameter"))
    assert texts(run.ask(*numbered(2))) == told(2)
    assert [len(b.lines) for b in server.batches.values()] == [2, 1]


def test_the_journal_survives_a_torn_line_and_no_other(run: Run, server: FakeBatches) -> None:
    stop_while_waiting(run, server, 2)
    path = run.folder / "batches.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])  # the batch's ID was never written down
    assert texts(run.ask(*numbered(2))) == told(2)
    assert set(server.asked().values()) == {1}
    path.write_bytes(whole.split(b"\n", 1)[1])
    with pytest.raises(LedgerError, match=r"batches\.jsonl:1"):
        run.journal()


def test_a_journal_that_cannot_be_written_sends_nothing(run: Run, server: FakeBatches) -> None:
    (run.folder / "batches.jsonl").touch()
    (run.folder / "batches.jsonl").chmod(0o400)
    (run.folder / "batches.jsonl").unlink()
    (run.folder / "batches.jsonl").symlink_to(run.folder / "nowhere" / "batches.jsonl" / "x")
    (run.folder / "nowhere").write_text("a file where a folder should be")
    with pytest.raises(LedgerError):
        run.ask(*numbered(2))
    assert server.files == {}


def test_no_key_in_what_is_written_or_said(run: Run, server: FakeBatches) -> None:
    server.plans.append(Plan("failed", refused=({"code": "x", "message": f"bad {SECRET}"},)))
    found = run.outcomes(*numbered(2))
    run.ask(*numbered(3))
    assert SECRET not in (run.folder / "batches.jsonl").read_text()
    assert SECRET not in run.said()
    assert SECRET not in "".join(str(f) for f in found)


def test_only_openai_models_go_in_files(run: Run) -> None:
    run.spec = "mailbox:somewhere"
    with pytest.raises(UsageError, match="mailbox:somewhere"), Ledger(run.folder / "l.db") as ledger:
        run.model(ledger)


def test_a_key_is_needed(run: Run, server: FakeBatches) -> None:
    run.settings = settings_for(server, base_url="https://api.example.com/v1", api_key="")
    with pytest.raises(NotConfigured), Ledger(run.folder / "l.db") as ledger:
        run.model(ledger)


def test_an_answer_goes_before_an_error_and_the_first_before_the_second() -> None:
    key = key_of(make_call())
    bad, one, two = ({"custom_id": id_of(key), "response": {"status_code": s, "body": {"n": n}}}
                     for s, n in ((500, 0), (200, 1), (200, 2)))  # fmt: skip
    assert sorted_out([bad, one, two, bad], [key]) == {key: Result(200, {"n": 1})}
    assert sorted_out([bad], [key]) == {key: Result(500, {"n": 0})}
    assert sorted_out([None, 3, {"custom_id": None}], [key]) == {}
