"""SQL of the ledger. Append-only is a property of the file: triggers refuse what would change a row."""

from __future__ import annotations

VERSION = 1
"""``PRAGMA user_version`` of the file. A new form gets a new number; old rows are never rewritten."""

TABLES = (
    # Messages are kept once by their hash: the calls of an article share a long prefix.
    """CREATE TABLE texts (
        sha256 TEXT NOT NULL PRIMARY KEY,
        content TEXT NOT NULL
    ) WITHOUT ROWID""",
    # AUTOINCREMENT leaves no gaps and remembers its maximum, so that verify can miss a deleted row.
    """CREATE TABLE calls (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        model TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        params TEXT NOT NULL,
        messages TEXT NOT NULL,
        schema TEXT,
        text TEXT NOT NULL,
        finish_reason TEXT NOT NULL,
        prompt INTEGER NOT NULL,
        cached INTEGER NOT NULL,
        completion INTEGER NOT NULL,
        counted INTEGER NOT NULL,
        seconds REAL NOT NULL,
        digest TEXT NOT NULL
    )""",
    # A table of its own: the reply is stored before anybody looks at it, and rows do not change.
    """CREATE TABLE judgements (
        key TEXT NOT NULL PRIMARY KEY,
        status TEXT NOT NULL CHECK (status IN ('ok', 'rejected')),
        problem TEXT NOT NULL,
        digest TEXT NOT NULL
    ) WITHOUT ROWID""",
)

ARRIVALS = """CREATE TABLE arrivals (
        key TEXT NOT NULL PRIMARY KEY,
        at TEXT NOT NULL,
        digest TEXT NOT NULL
    ) WITHOUT ROWID"""
"""When each reply came. A table of its own, and made in files that lack it: no row of theirs changes, their version
stays, and recordings, which hold no times, are the same with it and without."""

WAYS = """CREATE TABLE ways (
        key TEXT NOT NULL PRIMARY KEY,
        via TEXT NOT NULL,
        digest TEXT NOT NULL
    ) WITHOUT ROWID"""
"""Which replies came another way than each by itself: ``batch-api``, in a file and for less. Made like the arrivals."""

CACHE_WRITES = """CREATE TABLE cache_writes (
        key TEXT NOT NULL PRIMARY KEY,
        tokens INTEGER NOT NULL,
        digest TEXT NOT NULL
    ) WITHOUT ROWID"""
"""Prompt tokens that a vendor billed for putting them into its cache; a row only where there were any. Made in files
that lack it, like the arrivals."""

LATER = {"arrivals": ARRIVALS, "ways": WAYS, "cache_writes": CACHE_WRITES}
"""Tables that came after the first version of the file."""

INDEXES = ("CREATE INDEX calls_by_name ON calls (name, attempt, id)",)


def triggers() -> dict[str, str]:
    """Name → SQL. BEFORE INSERT is needed too: ``INSERT OR REPLACE`` deletes without asking a delete trigger.
    ``id`` is looked at as well as ``key``, or a replace could aim at another row's id."""
    clash = {
        "texts": "sha256 = NEW.sha256",
        "calls": "key = NEW.key OR id = NEW.id",
        "judgements": "key = NEW.key",
        "arrivals": "key = NEW.key",
        "ways": "key = NEW.key",
        "cache_writes": "key = NEW.key",
    }
    made: dict[str, str] = {}
    for table, same in clash.items():
        for change in ("UPDATE", "DELETE"):
            name = f"{table}_no_{change.lower()}"
            made[name] = (
                f"CREATE TRIGGER {name} BEFORE {change} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )
        name = f"{table}_first_stays"
        made[name] = (
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) BEGIN SELECT RAISE(IGNORE); END"
        )
    return made


STORE_TEXT = "INSERT INTO texts (sha256, content) VALUES (?, ?)"
STORE_CALL = """INSERT INTO calls (key, name, model, attempt, params, messages, schema, text, finish_reason,
    prompt, cached, completion, counted, seconds, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    ?)"""
STORE_JUDGEMENT = "INSERT INTO judgements (key, status, problem, digest) VALUES (?, ?, ?, ?)"
STORE_ARRIVAL = "INSERT INTO arrivals (key, at, digest) VALUES (?, ?, ?)"
STORE_WAY = "INSERT INTO ways (key, via, digest) VALUES (?, ?, ?)"
STORE_CACHE_WRITE = "INSERT INTO cache_writes (key, tokens, digest) VALUES (?, ?, ?)"
PAID = """SELECT c.name, c.model, c.prompt, c.cached, c.completion, c.counted, c.seconds,
    coalesce(j.status, 'unjudged'), coalesce(a.at, ''), coalesce(v.via, ''), coalesce(w.tokens, 0)
    FROM calls AS c LEFT JOIN judgements AS j ON j.key = c.key LEFT JOIN arrivals AS a ON a.key = c.key
    LEFT JOIN ways AS v ON v.key = c.key LEFT JOIN cache_writes AS w ON w.key = c.key"""
ROW = """SELECT c.key, c.name, c.model, c.attempt, c.text, c.finish_reason, c.prompt, c.cached, c.completion,
    c.counted, c.seconds, coalesce(j.status, 'unjudged'), coalesce(j.problem, ''), c.digest, coalesce(a.at, ''),
    coalesce(v.via, ''), coalesce(w.tokens, 0)
    FROM calls AS c LEFT JOIN judgements AS j ON j.key = c.key LEFT JOIN arrivals AS a ON a.key = c.key
    LEFT JOIN ways AS v ON v.key = c.key LEFT JOIN cache_writes AS w ON w.key = c.key"""
SINCE = """SELECT c.id, c.name, c.model, c.prompt, c.cached, c.completion, c.counted, coalesce(w.tokens, 0),
    coalesce(v.via, ''), coalesce(a.at, '')
    FROM calls AS c LEFT JOIN arrivals AS a ON a.key = c.key LEFT JOIN ways AS v ON v.key = c.key
    LEFT JOIN cache_writes AS w ON w.key = c.key WHERE c.id > ? ORDER BY c.id"""
"""A transaction holds the write lock from its start, so that numbers become visible in their order: no row can turn up
below one that was seen."""
