"""The append-only store of calls, ``outputs/ledger.db``.

A reply is stored as it arrives (``put``) and looked at afterwards (``judge``), so that a run killed in
between has lost nothing. Several processes may use one file at once. Calls are short and block; they may be
made from an event loop, and that is deliberate: with no ``await`` between the arrival of a reply and its
storage, a cancellation cannot come in between.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from agent.errors import LedgerError
from agent.llm import ledger_schema as sql
from agent.llm.keys import canonical, key_of, sha256
from agent.llm.ledger_rows import (
    Entry,
    LedgerStats,
    ModelStats,
    Paid,
    Row,
    arrival_digest,
    cache_write_digest,
    judgement_digest,
    row_digest,
    stored_messages,
    told_messages,
    way_digest,
)
from agent.records import Call, Reply, Usage
from agent.workspace import make_folder

BATCH = "batch-api"
"""In the table of ways: the reply came out of a batch file."""
_NAMED = "WHERE substr(c.name, 1, ?) = ? ORDER BY c.name, c.attempt, c.id"
BUSY_SECONDS = 30.0
"""How long to wait for another process that is writing."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """SQLite file of calls and replies. No row ever changes."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        """Open the ledger, making it and its folder where needed. ``now`` is the clock of arrivals.

        Raises LedgerError for a file that is no ledger or one of a newer version.
        """
        self.path = path
        self._now = now
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        make_folder(path.parent)
        with named(path):
            self._db = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._writer: int | None = None
            try:
                self._prepare()
                # Of its own, so that reading does not wait until a commit is on the disk.
                self._reader = sqlite3.connect(
                    path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
                )
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock, self._reading:
            self._reader.close()
            self._db.close()

    def get(self, key: str) -> Row | None:
        """The row of this key, or None."""
        found = self._read(f"{sql.ROW} WHERE c.key = ?", key)
        return _row(found[0]) if found else None

    def put(self, call: Call, reply: Reply, *, seconds: float) -> Row:
        """Store a reply as it arrived, before anybody looks at it, and return the row read back from the
        file.

        Where the key is stored already the first row stays and is returned.
        """
        key = key_of(call)
        row = Row(key, call.name, call.model, call.attempt, reply, float(seconds), "unjudged")
        texts = {sha256(text): text for m in call.messages for text in (m.content, *m.images)}
        use = reply.usage
        with self._write() as db:
            aside = use.batched or use.written
            fresh = aside and not db.execute("SELECT 1 FROM calls WHERE key = ?", (key,)).fetchall()
            db.executemany(sql.STORE_TEXT, texts.items())
            db.execute(
                sql.STORE_CALL,
                (
                    *(key, call.name, call.model, call.attempt),
                    *(canonical(dict(call.params)), canonical(stored_messages(call.messages))),
                    None if call.schema is None else canonical(dict(call.schema)),
                    *(reply.text, reply.finish_reason),
                    *(use.prompt, use.cached, use.completion, use.counted),
                    *(row.seconds, row_digest(row)),
                ),
            )
            at = self._now().isoformat(timespec="seconds")
            db.execute(sql.STORE_ARRIVAL, (key, at, arrival_digest(key, at)))
            # The first reply stays, and with it the way it came and what of it was cached.
            if fresh and use.batched:
                db.execute(sql.STORE_WAY, (key, BATCH, way_digest(key, BATCH)))
            if fresh and use.written:
                db.execute(sql.STORE_CACHE_WRITE, (key, use.written, cache_write_digest(key, use.written)))
        return self._stored(key)

    def judge(self, key: str, status: Literal["ok", "rejected"], problem: str = "") -> Row:
        """Add what was found about a stored reply, once; the first judgement stays. Returns the row read
        back.

        Raises LedgerError where no such row is stored.
        """
        self._stored(key)
        with self._write() as db:
            db.execute(sql.STORE_JUDGEMENT, (key, status, problem, judgement_digest(key, status, problem)))
        return self._stored(key)

    def in_one(self, works: Sequence[Callable[[], Row]]) -> list[Row | Exception]:
        """Several ``put`` and ``judge`` in one transaction; gives what each gave or raised. Where one fails, each is
        done by itself."""
        try:
            with self._write():
                return [work() for work in works]
        except Exception as error:
            return [error] if len(works) == 1 else [self.in_one([work])[0] for work in works]

    def call(self, key: str) -> Call | None:
        """The call as it was asked, messages and all. Raises LedgerError where a message's text is
        missing."""
        found = self._read(
            "SELECT name, model, attempt, params, messages, schema FROM calls WHERE key = ?", key
        )
        if not found:
            return None
        name, model, attempt, params, messages, schema = found[0]
        return Call(
            name=name,
            model=model,
            messages=told_messages(json.loads(messages), lambda digest: self._text(digest, key)),
            params=json.loads(params),
            schema=None if schema is None else json.loads(schema),
            attempt=attempt,
        )

    def rows(self, prefix: str = "") -> list[Row]:
        """Rows whose name starts with prefix, in the order of (name, attempt, arrival)."""
        return [_row(found) for found in self._read(f"{sql.ROW} {_NAMED}", len(prefix), prefix)]

    def paid(self, prefix: str = "") -> list[Paid]:
        """As `rows`, without the replies' texts."""
        return [
            Paid(
                name,
                model,
                Usage(prompt, cached, completion, bool(counted), written, batched=via == BATCH),
                seconds,
                status,
                at,
            )
            for name, model, prompt, cached, completion, counted, seconds, status, at, via, written in self._read(
                f"{sql.PAID} {_NAMED}", len(prefix), prefix
            )
        ]

    def since(self, id: int) -> list[Entry]:
        """What was stored after the row of that number, by any process, in the order it came."""
        return [
            Entry(
                number,
                name,
                model,
                Usage(prompt, cached, completion, bool(counted), written, batched=via == BATCH),
                at,
            )
            for number, name, model, prompt, cached, completion, counted, written, via, at in self._read(
                sql.SINCE, id
            )
        ]

    def stats(self, prefix: str = "") -> LedgerStats:
        """Rows and usage, rejected ones included: they were paid for."""
        total = LedgerStats()
        models: dict[str, ModelStats] = {}
        for row in self.paid(prefix):
            one = models.get(row.model, ModelStats())
            models[row.model] = ModelStats(one.rows + 1, one.usage + row.usage)
            total = replace(
                total,
                rows=total.rows + 1,
                ok=total.ok + (row.status == "ok"),
                rejected=total.rejected + (row.status == "rejected"),
                unjudged=total.unjudged + (row.status == "unjudged"),
                usage=total.usage + row.usage,
                seconds=total.seconds + row.seconds,
            )
        return replace(total, models=dict(sorted(models.items())))

    def verify(self) -> list[str]:
        """Problems found, one line each: keys and digests recomputed, triggers present, no row missing,
        SQLite's own check. Damage is a finding, never an error."""
        from agent.llm.ledger_audit import problems

        with self._lock:
            return problems(self._db)

    def export(self, file: Path, *, prefix: str = "") -> int:
        """Write the recording that ``replay:`` reads, JSONL sorted by (name, attempt, arrival); returns the
        number of rows. The same ledger gives the same bytes: no times, durations, paths, endpoints or API
        keys."""
        from agent.llm.recording import line_of, write_lines

        lines = []
        for row in self.rows(prefix):
            call = self.call(row.key)
            assert call is not None
            lines.append(line_of(row, call))
        write_lines(file, lines)
        return len(lines)

    def _prepare(self) -> None:
        db = self._db
        # Two processes that open a new file together may both want to switch it; one of them will.
        with suppress(sqlite3.OperationalError):
            db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        with self._write():
            version = db.execute("PRAGMA user_version").fetchone()[0]
            empty = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if empty:
                for statement in (*sql.TABLES, *sql.LATER.values(), *sql.INDEXES, *sql.triggers().values()):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {sql.VERSION}")
            elif version != sql.VERSION:
                raise LedgerError(
                    f"{self.path}: not a ledger of version {sql.VERSION} (it says {version})",
                    hint="use the program that wrote it, or move the file away to begin a new ledger",
                )
            else:
                self._add_tables()

    def _add_tables(self) -> None:
        """Tables that files of older programs lack."""
        there = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in sql.LATER.keys() - there:
            self._db.execute(sql.LATER[table])
            for name, statement in sql.triggers().items():
                if name.startswith(f"{table}_"):
                    self._db.execute(statement)

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        if self._writer == threading.get_ident():
            return self._db.execute(query, values).fetchall()
        with self._reading, named(self.path), closing(self._reader.execute(query, values)) as cursor:
            return cursor.fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that takes the write lock at once, so that it waits its turn rather than fails."""
        if self._writer == threading.get_ident():
            yield self._db  # part of the transaction that is under way
            return
        with self._lock, named(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            self._writer = threading.get_ident()
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # Some failures, a full disk among them, have ended the transaction already.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._writer = None

    def _stored(self, key: str) -> Row:
        row = self.get(key)
        if row is None:
            raise LedgerError(f"{self.path}: no row {key}", hint="run: expand ledger verify")
        return row

    def _text(self, digest: str, key: str) -> str:
        found = self._read("SELECT content FROM texts WHERE sha256 = ?", digest)
        if not found:
            raise LedgerError(f"{self.path}: row {key} lacks a message", hint="run: expand ledger verify")
        return str(found[0][0])


def _row(found: tuple[Any, ...]) -> Row:
    key, name, model, attempt, text, finish, prompt, cached, completion, counted, seconds = found[:11]
    usage = Usage(prompt, cached, completion, bool(counted), found[16], batched=found[15] == BATCH)
    return Row(
        key, name, model, attempt, Reply(text, finish, usage), seconds, found[11], found[12], found[14]
    )


@contextmanager
def named(path: Path) -> Iterator[None]:
    """SQLite's complaints, with the file's name and what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        hint = "check that the folder can be written, the disk has room and no other program holds the file"
        raise LedgerError(f"{path}: {error}", hint=hint) from error
    except sqlite3.DatabaseError as error:
        raise LedgerError(f"{path}: {error}", hint="move the file away to begin a new ledger") from error
