"""The append-only store of calls, ``outputs/ledger.db``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.records import Call, Reply, Usage

Status = Literal["ok", "rejected", "unjudged"]


@dataclass(frozen=True, slots=True)
class Row:
    """One stored reply."""

    key: str
    name: str
    model: str
    attempt: int
    reply: Reply
    seconds: float
    """How long the answer took."""
    status: Status
    """ok: usable · rejected: counted in the cost, never used as text (but a cut one joined to its continuation)
    · unjudged: stored, and the run ended before it was looked at."""
    problem: str = ""
    """What is wrong with a rejected reply; the next attempt carries it."""


@dataclass(frozen=True, slots=True)
class LedgerStats:
    rows: int
    ok: int
    rejected: int
    unjudged: int
    usage: Usage
    seconds: float
    models: Mapping[str, Usage]
    """Usage by model identity."""
    calls: Mapping[str, int]
    """Rows by model identity."""


class Ledger:
    """SQLite file of calls and replies. Several processes may use one file; no row ever changes."""

    def __init__(self, path: Path) -> None:
        """Open the ledger, making it and its folder where needed. Raises LedgerError for a file that is none."""
        raise NotImplementedError

    def get(self, key: str) -> Row | None:
        """The row of this key, or None."""
        raise NotImplementedError

    def put(self, call: Call, reply: Reply, *, seconds: float) -> Row:
        """Store a reply as it arrived, before anybody looks at it, and return the row read back from the file.
        Where the key is stored already the first row stays and is returned."""
        raise NotImplementedError

    def judge(self, key: str, status: Literal["ok", "rejected"], problem: str = "") -> Row:
        """Add what was found about a stored reply, once; the first judgement stays. Returns the row read back."""
        raise NotImplementedError

    def call(self, key: str) -> Call | None:
        """The call as it was asked, messages and all."""
        raise NotImplementedError

    def rows(self, prefix: str = "") -> list[Row]:
        """Rows whose name starts with prefix, in the order of (name, attempt, arrival)."""
        raise NotImplementedError

    def stats(self, prefix: str = "") -> LedgerStats:
        raise NotImplementedError

    def verify(self) -> list[str]:
        """Problems found, one line each: keys and digests recomputed, triggers present, SQLite's own check."""
        raise NotImplementedError

    def export(self, file: Path, *, prefix: str = "") -> int:
        """Write the recording that ``replay:`` reads, JSONL sorted by (name, attempt, arrival); the number of rows.
        The same ledger gives the same bytes: no times, durations, paths or API keys."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
