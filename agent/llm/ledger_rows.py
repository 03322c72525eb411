"""What the ledger gives back, and the digests that hold it to what was stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from agent.llm.keys import canonical, sha256
from agent.records import Reply, Usage

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
    """ok: usable · rejected: counted in the cost, never used as text (but a cut one joined to its
    continuation) · unjudged: stored, and the run ended before it was looked at."""
    problem: str = ""
    """What is wrong with a rejected reply; the next attempt carries it."""
    at: str = field(default="", compare=False)
    """When it came, UTC, ISO 8601 with seconds; empty in files older than this field."""


class Paid(NamedTuple):
    """A stored reply without what was said: of thousands of calls, only this is wanted. A tuple, for there are so many."""

    name: str
    model: str
    usage: Usage
    seconds: float
    """How long the answer took."""
    status: Status
    at: str
    """As in ``Row``."""


@dataclass(frozen=True, slots=True)
class LedgerStats:
    rows: int = 0
    ok: int = 0
    rejected: int = 0
    unjudged: int = 0
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    """Sum over the rows; calls side by side each count in full."""
    models: Mapping[str, ModelStats] = field(default_factory=dict)
    """By model identity."""


@dataclass(frozen=True, slots=True)
class ModelStats:
    rows: int = 0
    usage: Usage = field(default_factory=Usage)


def row_digest(row: Row) -> str:
    """``"r1:"`` + SHA-256 of the canonical JSON of all that is stored of a reply: what was asked is in the
    key."""
    reply = row.reply
    use = reply.usage
    return "r1:" + sha256(
        canonical(
            [
                *(row.key, row.name, row.model, row.attempt, reply.text, reply.finish_reason),
                *(use.prompt, use.cached, use.completion, use.counted, row.seconds),
            ]
        )
    )


def judgement_digest(key: str, status: str, problem: str) -> str:
    """``"j1:"`` + SHA-256 of the canonical JSON of key, status and problem."""
    return "j1:" + sha256(canonical([key, status, problem]))


def arrival_digest(key: str, at: str) -> str:
    """``"a1:"`` + SHA-256 of the canonical JSON of key and time."""
    return "a1:" + sha256(canonical([key, at]))
