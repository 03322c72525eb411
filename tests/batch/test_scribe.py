"""Writing together: one transaction for what comes at once, nothing lost to a cancellation."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from agent.errors import LedgerError
from agent.llm import Ledger, Scribe, key_of
from agent.records import Reply
from tests.llm.helpers import make_call, run


def test_what_comes_at_once_is_one_transaction(tmp_path: Path) -> None:
    async def main() -> None:
        with Ledger(tmp_path / "l.db") as ledger:
            scribe = Scribe(ledger)
            statements: list[str] = []
            ledger._db.set_trace_callback(statements.append)
            calls = [make_call(f"a/{n}", f"写 {n}") for n in range(20)]
            rows = await asyncio.gather(
                *(scribe.do(lambda c=c: ledger.put(c, Reply("好"), seconds=1)) for c in calls)  # type: ignore[misc]
            )
            assert [r.name for r in rows] == [c.name for c in calls]
            assert sum(s.startswith("COMMIT") for s in statements) <= 2
            scribe.close()
            assert ledger.verify() == []
            assert len(ledger.rows()) == 20

    run(main())


def test_one_that_fails_fails_alone(tmp_path: Path) -> None:
    async def main() -> None:
        with Ledger(tmp_path / "l.db") as ledger:
            scribe = Scribe(ledger)
            good = make_call("a/1")
            results = await asyncio.gather(
                scribe.do(lambda: ledger.put(good, Reply("好"), seconds=1)),
                scribe.do(lambda: ledger.judge("c1:nobody", "ok")),
                scribe.do(lambda: ledger.put(make_call("a/2", "又"), Reply("好"), seconds=1)),
                return_exceptions=True,
            )
            assert isinstance(results[1], LedgerError)
            assert {row.name for row in ledger.rows()} == {"a/1", "a/2"}
            assert ledger.verify() == []
            scribe.close()

    run(main())


def test_a_cancellation_comes_after_the_reply_is_stored(tmp_path: Path) -> None:
    async def main() -> None:
        with Ledger(tmp_path / "l.db") as ledger:
            scribe, call = Scribe(ledger), make_call()
            task = asyncio.create_task(scribe.do(lambda: ledger.put(call, Reply("好"), seconds=1)))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ledger.get(key_of(call)) is not None
            scribe.close()

    run(main())


def test_a_full_disk_is_an_error_and_what_was_stored_stays(tmp_path: Path) -> None:
    path = tmp_path / "l.db"

    async def main() -> None:
        with Ledger(path) as ledger:
            scribe = Scribe(ledger)
            await scribe.do(lambda: ledger.put(make_call("a/1"), Reply("好"), seconds=1))
            pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
            ledger._db.execute(f"PRAGMA max_page_count = {pages + 1}")
            big = Reply("长" * 100_000)
            results = await asyncio.gather(
                *(
                    scribe.do(lambda n=n: ledger.put(make_call(f"b/{n}", str(n)), big, seconds=1))
                    for n in range(3)
                ),  # type: ignore[misc]
                return_exceptions=True,
            )
            assert {type(r) for r in results} == {LedgerError}
            assert "full" in str(results[0])
            assert "room" in results[0].hint  # type: ignore[union-attr]
            ledger._db.execute("PRAGMA max_page_count = 1000000")
            await scribe.do(lambda: ledger.put(make_call("c/1", "后"), big, seconds=1))
            scribe.close()

    run(main())
    with Ledger(path) as ledger:
        assert {row.name for row in ledger.rows()} == {"a/1", "c/1"}
        assert ledger.verify() == []


def test_an_older_ledger_gets_its_table_of_arrivals(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    with Ledger(path) as ledger:
        ledger.put(make_call("a/1"), Reply("好"), seconds=1)
    with sqlite3.connect(path) as db:
        for name in ("update", "delete"):
            db.execute(f"DROP TRIGGER arrivals_no_{name}")
        db.execute("DROP TRIGGER arrivals_first_stays")
        db.execute("DROP TABLE arrivals")
    with Ledger(path) as ledger:
        assert ledger.verify() == []
        assert [row.at for row in ledger.rows()] == [""]
        ledger.put(make_call("a/2", "又"), Reply("好"), seconds=1)
        assert [bool(row.at) for row in ledger.rows()] == [False, True]
    with sqlite3.connect(path) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute("UPDATE arrivals SET at = '1999-01-01'")
