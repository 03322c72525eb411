"""What the ledger gives back, and the digests that hold it to what was stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from agent.llm.keys import canonical, sha256
from agent.records import Message, Reply, Usage

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
class Entry:
    """What a stored reply used, without its text."""

    id: int
    """Number of the row; later rows have greater ones."""
    name: str
    model: str
    usage: Usage
    at: str
    """As in `Row`."""


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


def stored_messages(messages: Sequence[Message]) -> list[list[Any]]:
    """Messages as a row holds them: role and hash of the text, and the hashes of pictures where there are any."""
    return [
        [m.role, sha256(m.content), *([[sha256(i) for i in m.images]] if m.images else [])] for m in messages
    ]


def told_messages(stored: Sequence[Sequence[Any]], text: Callable[[str], str]) -> tuple[Message, ...]:
    """What `stored_messages` was made from. ``text``: what a hash stands for."""
    return tuple(
        Message(role, text(digest), tuple(text(i) for images in pictures for i in images))
        for role, digest, *pictures in stored
    )


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


def cache_write_digest(key: str, tokens: int) -> str:
    """``"w1:"`` + SHA-256 of the canonical JSON of key and tokens."""
    return "w1:" + sha256(canonical([key, tokens]))


def arrival_digest(key: str, at: str) -> str:
    """``"a1:"`` + SHA-256 of the canonical JSON of key and time."""
    return "a1:" + sha256(canonical([key, at]))


def way_digest(key: str, via: str) -> str:
    """``"v1:"`` + SHA-256 of the canonical JSON of key and way."""
    return "v1:" + sha256(canonical([key, via]))


def is_way_digest(digest: str, key: str, via: str) -> bool:
    """True too for the ``"w1:"`` of the first ways, which they shared with cache writes: rows are never rewritten."""
    now = way_digest(key, via)
    return digest in (now, now.replace("v1:", "w1:", 1))
