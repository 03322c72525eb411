"""What ``expand ledger verify`` looks at."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator

from agent.llm import ledger_schema as sql
from agent.llm.keys import key_of, sha256
from agent.llm.ledger import _row
from agent.llm.ledger_rows import (
    arrival_digest,
    cache_write_digest,
    is_way_digest,
    judgement_digest,
    row_digest,
    told_messages,
)
from agent.records import Call

Look = Callable[[sqlite3.Connection], Iterator[str]]


def problems(db: sqlite3.Connection) -> list[str]:
    """One line each, in a fixed order; empty where all is well."""
    looks = (_sqlite, _triggers, _texts, _calls, _gaps, _judgements, _arrivals, _ways, _cache_writes)
    return [line for look in looks for line in _as_far_as_it_goes(look, db)]


def _as_far_as_it_goes(look: Look, db: sqlite3.Connection) -> Iterator[str]:
    """What a look finds until the file cannot be read any further, and that it cannot."""
    try:
        yield from look(db)
    except (sqlite3.DatabaseError, ValueError, TypeError, LookupError, AttributeError) as error:
        yield f"{look.__name__.strip('_').replace('_', ' ')}: cannot be read ({error})"


def _sqlite(db: sqlite3.Connection) -> Iterator[str]:
    for (message,) in db.execute("PRAGMA integrity_check"):
        if message != "ok":
            yield f"SQLite: {message}"


def _triggers(db: sqlite3.Connection) -> Iterator[str]:
    there = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    for name, statement in sql.triggers().items():
        if name not in there:
            yield f"trigger {name} is missing: the file is not append-only"
        elif there[name] != statement:
            yield f"trigger {name} was changed"


def _texts(db: sqlite3.Connection) -> Iterator[str]:
    for digest, content in db.execute("SELECT sha256, content FROM texts ORDER BY sha256"):
        if sha256(content) != digest:
            yield f"message {digest[:12]}: the text is not the one that was stored"


def _calls(db: sqlite3.Connection) -> Iterator[str]:
    texts = dict(db.execute("SELECT sha256, content FROM texts"))
    asked = {
        key: (json.loads(params), json.loads(messages), None if schema is None else json.loads(schema))
        for key, params, messages, schema in db.execute("SELECT key, params, messages, schema FROM calls")
    }
    for found in db.execute(f"{sql.ROW} ORDER BY c.id").fetchall():
        row = _row(found)
        where = f"{row.name} attempt {row.attempt} ({row.key[:15]})"
        if row_digest(row) != found[13]:
            yield f"{where}: the reply is not the one that was stored"
        params, messages, schema = asked[row.key]
        try:
            told = told_messages(messages, texts.__getitem__)
        except KeyError as missing:
            yield f"{where}: message {missing.args[0][:12]} is missing"
            continue
        if key_of(Call(row.name, row.model, told, params, schema, row.attempt)) != row.key:
            yield f"{where}: the key does not belong to the call"


def _gaps(db: sqlite3.Connection) -> Iterator[str]:
    rows = db.execute("SELECT count(*) FROM calls").fetchone()[0]
    last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'calls'").fetchone()
    if last is not None and last[0] != rows:
        yield f"{last[0] - rows} of {last[0]} rows are missing"


def _judgements(db: sqlite3.Connection) -> Iterator[str]:
    known = {key for (key,) in db.execute("SELECT key FROM calls")}
    for key, status, problem, digest in db.execute("SELECT key, status, problem, digest FROM judgements"):
        if judgement_digest(key, status, problem) != digest:
            yield f"judgement of {key[:15]}: not the one that was stored"
        if key not in known:
            yield f"judgement of {key[:15]}: there is no such row"


def _arrivals(db: sqlite3.Connection) -> Iterator[str]:
    for key, at, digest in db.execute("SELECT key, at, digest FROM arrivals ORDER BY key"):
        if arrival_digest(key, at) != digest:
            yield f"arrival of {key[:15]}: not the time that was stored"


def _ways(db: sqlite3.Connection) -> Iterator[str]:
    for key, via, digest in db.execute("SELECT key, via, digest FROM ways ORDER BY key"):
        if not is_way_digest(digest, key, via):
            yield f"way of {key[:15]}: not the one that was stored"


def _cache_writes(db: sqlite3.Connection) -> Iterator[str]:
    for key, tokens, digest in db.execute("SELECT key, tokens, digest FROM cache_writes ORDER BY key"):
        if cache_write_digest(key, tokens) != digest:
            yield f"tokens cached by {key[:15]}: not the number that was stored"
