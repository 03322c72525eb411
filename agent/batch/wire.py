"""What the driver of a batch and its workers say to each other.

All of it is pickled: a Dask cluster runs whatever it is given, so whoever may speak to it is trusted already. Keys
are no part of any of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import agent
from agent.config import Config
from agent.llm.asking import Judged
from agent.pipeline.prepare import Frozen
from agent.pipeline.records import Wanted
from agent.prompts.resources import shipped
from agent.records import Call


@dataclass(frozen=True, slots=True)
class Parcel:
    """An article on its way to a worker, with all that writing it takes beyond the program itself."""

    frozen: Frozen
    config: Config
    prompts: Mapping[str, bytes]
    """The workspace's own, by their path below its root."""
    identities: Mapping[str, str]
    """Of the models by role."""
    home: str
    """Which article of which run it is; goes back with all that is said about it."""
    inbox: str
    """Queue that the driver reads."""


@dataclass(frozen=True, slots=True)
class Written:
    """A finished article on its way home."""

    report: Mapping[str, Any]
    files: Mapping[str, bytes]
    """What belongs into its folder of `outputs/`, by path below it."""


@dataclass(frozen=True, slots=True)
class Holds:
    """Whether the ledger has the reply to a call."""

    call: Call


@dataclass(frozen=True, slots=True)
class RowOf:
    """The reply to a call, from the ledger or from a model."""

    role: str
    call: Call
    prefix: str


@dataclass(frozen=True, slots=True)
class Judge:
    """What was found about a reply, for the ledger."""

    key: str
    name: str
    status: Judged
    problem: str


@dataclass(frozen=True, slots=True)
class Known:
    """Results of the laboratory by key."""

    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class Keep:
    """New results of the laboratory, by path on the shelf."""

    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Confirm:
    """Whether works exist."""

    wanted: Sequence[Wanted]


@dataclass(frozen=True, slots=True)
class Begun:
    """A worker has taken up an article; it waits for no answer, and nor does a line."""

    worker: str


@dataclass(frozen=True, slots=True)
class Line:
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more will be said: its answer means that all before it was heard."""


@dataclass(frozen=True, slots=True)
class Letter:
    """From a worker to the driver."""

    home: str
    replies: str
    """Queue that the worker reads."""
    number: int
    """Of the question; 0 where no answer is waited for."""
    content: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """From the driver to a worker."""

    number: int
    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Nobody waits for the article any more."""


@lru_cache(maxsize=1)
def program() -> str:
    """Version of this program, with a digest of its code and prompts: two that differ may ask different things."""
    digest = hashlib.sha256()
    package = Path(agent.__file__).resolve().parent
    for folder, pattern in ((package, "*.py"), (shipped("prompts"), "*")):
        for path in sorted(p for p in folder.rglob(pattern) if p.is_file()):
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{agent.__version__} ({digest.hexdigest()[:12]})"
