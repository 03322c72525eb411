"""The ledger keeps what it was given, and says so when somebody changed it."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import LedgerError
from agent.llm import Ledger, key_of
from agent.llm import ledger_schema as schema
from agent.llm.keys import canonical, sha256
from agent.llm.ledger_rows import (
    arrival_digest,
    cache_write_digest,
    judgement_digest,
    row_digest,
    way_digest,
)
from agent.records import Reply, Usage
from tests.llm.helpers import make_call

OTHERS = (
    "name, model, attempt, params, messages, schema, 'x', finish_reason, prompt, cached, completion, "
    "counted, seconds, digest FROM calls"
)
REPLY = Reply("好的。\u2028\x00第二行", "stop", Usage(100, 20, 30))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "ledger.db"


def filled(path: Path, rows: int = 3) -> None:
    with Ledger(path) as ledger:
        for number in range(rows):
            call = make_call(f"a/{number}", f"第 {number} 段")
            ledger.put(call, replace(REPLY, text=f"答 {number}"), seconds=1.5)
            ledger.judge(key_of(call), "ok" if number else "rejected", "" if number else "太短")


def test_what_is_read_back_is_what_was_given(path: Path) -> None:
    call = make_call(schema={"type": "object"}, params={"max_tokens": 5, "stop": ["完"]})
    with Ledger(path) as ledger:
        row = ledger.put(call, REPLY, seconds=2)
        assert (row.reply, row.status, row.seconds) == (REPLY, "unjudged", 2.0)
    with Ledger(path) as ledger:
        assert ledger.get(key_of(call)) == row
        assert ledger.call(row.key) == call
        assert ledger.get("c1:none") is None
        assert ledger.call("c1:none") is None
        assert ledger.verify() == []


def test_the_first_reply_and_the_first_judgement_stay(path: Path) -> None:
    call = make_call()
    with Ledger(path) as ledger:
        ledger.put(call, REPLY, seconds=1)
        again = ledger.put(call, replace(REPLY, text="另一个"), seconds=9)
        assert again.reply == REPLY
        ledger.judge(again.key, "rejected", "太短")
        assert ledger.judge(again.key, "ok").problem == "太短"
        with pytest.raises(LedgerError, match="no row"):
            ledger.judge("c1:none", "ok")


def test_a_shared_prefix_is_kept_once(path: Path) -> None:
    filled(path, 20)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM texts").fetchone() == (21,)
    db.close()


def test_writes_reach_the_disk_before_they_are_used(path: Path) -> None:
    with Ledger(path) as ledger:
        assert ledger._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert ledger._db.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE calls SET text = 'x'",
        "UPDATE texts SET content = 'x'",
        "UPDATE judgements SET status = 'ok'",
        "DELETE FROM calls",
        "DELETE FROM texts",
        "DELETE FROM judgements",
        "UPDATE OR REPLACE calls SET id = 1 WHERE id = 2",
    ],
)
def test_rows_cannot_be_changed(path: Path, attack: str) -> None:
    filled(path)
    db = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(attack)
    db.close()


@pytest.mark.parametrize(
    "attack",
    [
        f"INSERT OR REPLACE INTO calls SELECT id, key, {OTHERS}",
        # Another key, but the id of a row that is there.
        f"INSERT OR REPLACE INTO calls SELECT id, 'k' || id, {OTHERS}",
        "REPLACE INTO texts SELECT sha256, 'x' FROM texts",
        "REPLACE INTO judgements SELECT key, 'ok', 'x', digest FROM judgements",
        "INSERT INTO judgements SELECT key, 'ok', 'x', digest FROM judgements WHERE 1 "
        "ON CONFLICT (key) DO UPDATE SET status = 'ok'",
    ],
)
def test_rows_cannot_be_replaced(path: Path, attack: str) -> None:
    filled(path)
    with Ledger(path) as ledger:
        before = ledger.rows()
    db = sqlite3.connect(path)
    with db:
        db.execute(attack)
    db.close()
    with Ledger(path) as ledger:
        assert ledger.rows() == before
        assert ledger.verify() == []


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("UPDATE calls SET text = 'x' WHERE id = 2", "a/1 attempt 0 .*the reply is not the one"),
        ("UPDATE calls SET completion = 1 WHERE id = 2", "a/1 attempt 0 .*the reply is not the one"),
        ("UPDATE calls SET params = '{}' WHERE id = 2", "a/1 attempt 0 .*the key does not belong"),
        ("UPDATE texts SET content = content || '!'", "message .*: the text is not the one"),
        ("DELETE FROM texts WHERE content LIKE '%1%'", "a/1 attempt 0 .* is missing"),
        ("DELETE FROM calls WHERE id = 2", "1 of 3 rows are missing"),
        ("DELETE FROM calls WHERE id = 3", "1 of 3 rows are missing"),
        ("UPDATE judgements SET status = 'ok'", "judgement of .*: not the one"),
    ],
)
@pytest.mark.parametrize("restored", [True, False], ids=["triggers put back", "triggers gone"])
def test_verify_finds_what_was_changed(path: Path, tampering: str, found: str, restored: bool) -> None:
    filled(path)
    db = sqlite3.connect(path)
    with db:
        for name in schema.triggers():
            db.execute(f"DROP TRIGGER {name}")
        db.execute(tampering)
        for statement in schema.triggers().values() if restored else ():
            db.execute(statement)
    db.close()
    with Ledger(path) as ledger:
        problems = ledger.verify()
    import re

    assert any(re.search(found, line) for line in problems), problems
    missing = [line for line in problems if "not append-only" in line]
    assert len(missing) == (0 if restored else len(schema.triggers()))


def test_a_weakened_trigger_is_found(path: Path) -> None:
    filled(path)
    db = sqlite3.connect(path)
    with db:
        db.execute("DROP TRIGGER calls_no_delete")
        db.execute("CREATE TRIGGER calls_no_delete BEFORE DELETE ON calls BEGIN SELECT 1; END")
    db.close()
    with Ledger(path) as ledger:
        assert ledger.verify() == ["trigger calls_no_delete was changed"]


def test_stats_count_rejected_rows_too(path: Path) -> None:
    filled(path, 3)
    with Ledger(path) as ledger:
        ledger.put(make_call("b/1", "别的", model="mailbox"), REPLY, seconds=1)
        stats = ledger.stats()
        assert (stats.rows, stats.ok, stats.rejected, stats.unjudged) == (4, 2, 1, 1)
        assert stats.usage == Usage(400, 80, 120)
        assert list(stats.models) == ["fake:m", "mailbox"]
        assert stats.models["fake:m"].rows == 3
        assert ledger.stats("b/").rows == 1
        assert ledger.stats("%").rows == 0


def test_export_gives_the_same_bytes_and_no_secrets(path: Path, tmp_path: Path) -> None:
    filled(path)
    with Ledger(path) as ledger:
        ledger.put(make_call("c", "x", model="openai:m@127.0.0.1:9/v1"), REPLY, seconds=1)
        ledger.put(make_call("d", "x", model="command:/home/me/bin/llm -m x"), REPLY, seconds=1)
        assert ledger.export(tmp_path / "one.jsonl") == 5
        ledger.export(tmp_path / "two.jsonl")
        assert ledger.export(tmp_path / "c.jsonl", prefix="c") == 1
    one = (tmp_path / "one.jsonl").read_bytes()
    assert one == (tmp_path / "two.jsonl").read_bytes()
    lines = [json.loads(line) for line in one.decode().split("\n") if line]
    assert [line["name"] for line in lines] == ["a/0", "a/1", "a/2", "c", "d"]
    assert [line["model"] for line in lines[3:]] == ["openai:m", "command:llm"]
    assert b"127.0.0.1" not in one
    assert b"home" not in one
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_file_that_is_no_ledger(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("this is no database, and it is long enough to be looked at" * 20)
    with pytest.raises(LedgerError, match=r"ledger\.db"):
        Ledger(path)


def test_a_ledger_of_a_newer_version(path: Path) -> None:
    filled(path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LedgerError, match="99"):
        Ledger(path)


def write_many(path: str, who: int, rows: int) -> None:
    with Ledger(Path(path)) as ledger:
        for number in range(rows):
            call = make_call(f"p/{number}", f"共同的 {number}")
            row = ledger.put(call, Reply(f"由 {who} 答"), seconds=1)
            ledger.judge(row.key, "ok")
            ledger.put(make_call(f"own/{who}/{number}", f"{who} 的 {number}"), REPLY, seconds=1)


def test_two_processes_write_one_ledger(path: Path) -> None:
    fork = multiprocessing.get_context("spawn")
    workers = [fork.Process(target=write_many, args=(str(path), who, 25)) for who in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    with Ledger(path) as ledger:
        assert len(ledger.rows("p/")) == 25
        assert len(ledger.rows("own/")) == 50
        assert ledger.verify() == []


def test_every_digest_of_the_ledger_has_a_prefix_of_its_own(path: Path) -> None:
    with Ledger(path) as ledger:
        row = ledger.put(make_call(), REPLY, seconds=1)
    digests = [
        row_digest(row),
        judgement_digest("k", "ok", ""),
        cache_write_digest("k", 1),
        arrival_digest("k", ""),
        way_digest("k", "batch-api"),
    ]
    assert len({digest.partition(":")[0] for digest in digests}) == len(digests)


def test_ways_from_before_they_had_a_prefix_of_their_own_are_still_true(path: Path) -> None:
    with Ledger(path) as ledger:
        key = ledger.put(make_call(), REPLY, seconds=1).key
    former = "w1:" + sha256(canonical([key, "batch-api"]))
    db = sqlite3.connect(path)
    with db:
        db.execute(schema.STORE_WAY, (key, "batch-api", former))
        db.execute(schema.STORE_WAY, ("c1:other", "batch-api", former))
    db.close()
    with Ledger(path) as ledger:
        assert ledger.verify() == ["way of c1:other: not the one that was stored"]
