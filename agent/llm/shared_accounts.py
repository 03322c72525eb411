"""The accounts that all processes of a workspace share: the ledger, and beside it what calls under way may cost.

A reservation belongs to a *place*: a small number that a process holds by a file lock as long as it runs. A lock dies
with its process, so whoever gets that of a place knows that what is still reserved there is nobody's any more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Literal

from agent.errors import Locked
from agent.llm.accounts import Standing
from agent.llm.ledger import BUSY_SECONDS, Ledger, named
from agent.llm.prices import Price
from agent.workspace import hold, make_folder

TABLES = (
    "CREATE TABLE IF NOT EXISTS held (id INTEGER PRIMARY KEY AUTOINCREMENT, place INTEGER, slug TEXT, dollars REAL)",
    "CREATE TABLE IF NOT EXISTS lost (slug TEXT, day TEXT, dollars REAL)",
)
LOST = {
    "slug": "SELECT total(dollars) FROM lost WHERE slug = ?",
    "day": "SELECT total(dollars) FROM lost WHERE day = ?",
}
HELD = {
    "slug": "SELECT total(dollars), count(*) FROM held WHERE slug = ?",
    # Whatever day it was sent on, it may end today.
    "day": "SELECT total(dollars), count(*) FROM held WHERE ? IS NOT NULL",
}


class Spending:
    """What the stored replies cost, by article and by day. Each row of the ledger is read once, whoever wrote it."""

    def __init__(self, ledger: Ledger, price: Price) -> None:
        self._ledger = ledger
        self._price = price
        self._seen = 0
        self.articles: dict[str, float] = {}
        self.days: dict[str, float] = {}

    def catch_up(self) -> None:
        """Read what was stored since the last time. A reply of unknown price counts as nothing."""
        for entry in self._ledger.since(self._seen):
            self._seen = entry.id
            cost = self._price(entry.model, entry.usage) or 0.0
            slug, day = entry.name.partition("/")[0], entry.at[:10]
            self.articles[slug] = self.articles.get(slug, 0.0) + cost
            self.days[day] = self.days.get(day, 0.0) + cost


class SharedAccounts:
    """See `agent.llm.accounts.Accounts`. A stored reply counts once, through the ledger. Opening reads all of that,
    so it belongs in a thread; all else is short and for one thread.

    What a killed process had under way counts no longer: what it came to nobody knows.
    """

    shared = True

    def __init__(self, path: Path, ledger: Ledger, price: Price) -> None:
        """``path``: the file of reservations, in the folder of the lock files. Raises LedgerError where it cannot be
        used."""
        self.path = path
        self._spending = Spending(ledger, price)
        self._spending.catch_up()
        self._locks = ExitStack()
        self._place: int | None = None
        make_folder(path.parent)
        with named(path):
            self._db = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            # A kill loses nothing that was committed, and after a power loss nobody has anything under way.
            self._db.execute("PRAGMA synchronous = NORMAL")
            with self._transaction():
                for statement in TABLES:
                    self._db.execute(statement)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        self._take_place()
        with named(self.path), self._transaction():
            self._spending.catch_up()
            yield

    def article(self, slug: str) -> Standing:
        return self._standing(self._spending.articles.get(slug, 0.0), "slug", slug)

    def day(self, day: str) -> Standing:
        return self._standing(self._spending.days.get(day, 0.0), "day", day)

    def reserve(self, slug: str, dollars: float) -> int:
        made = self._db.execute(
            "INSERT INTO held (place, slug, dollars) VALUES (?, ?, ?)", (self._place, slug, dollars)
        )
        assert made.lastrowid is not None
        return made.lastrowid

    def release(self, number: int) -> None:
        with named(self.path):
            self._db.execute("DELETE FROM held WHERE id = ?", (number,))

    def stored(self, slug: str, day: str, dollars: float) -> None:
        """It is in the ledger, where everybody sees it."""

    def lost(self, slug: str, day: str, dollars: float) -> None:
        with named(self.path):
            self._db.execute("INSERT INTO lost VALUES (?, ?, ?)", (slug, day, dollars))

    def clear(self) -> bool:
        """The dead are looked for only here, when a call would not fit otherwise."""
        gone = 0
        for (place,) in self._db.execute(
            "SELECT DISTINCT place FROM held WHERE place <> ?", (self._place,)
        ).fetchall():
            try:
                with hold(self.path.parent, self._lock(place)):
                    gone += self._db.execute("DELETE FROM held WHERE place = ?", (place,)).rowcount
            except Locked:
                continue
        return gone > 0

    def close(self) -> None:
        self._db.close()
        self._locks.close()

    def _take_place(self) -> None:
        if self._place is not None:
            return
        for place in count():
            try:
                self._locks.enter_context(hold(self.path.parent, self._lock(place)))
            except Locked:
                continue
            self._place = place
            with named(self.path):
                self._db.execute("DELETE FROM held WHERE place = ?", (place,))
            return

    def _lock(self, place: int) -> str:
        return f"{self.path.name} {place}"

    def _standing(self, stored: float, by: Literal["slug", "day"], value: str) -> Standing:
        (lost,) = self._db.execute(LOST[by], (value,)).fetchone()
        reserved, under_way = self._db.execute(HELD[by], (value,)).fetchone()
        return Standing(stored + lost, reserved, under_way)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
