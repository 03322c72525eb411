"""What a model is to the rest of the program: a thing that answers one call, or raises one of our errors."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from agent.records import Call, Reply, Usage

EventKind = Literal[
    "reused",
    "sent",
    "tokens",
    "wait",
    "waiting",
    "fallback",
    "stored",
    "rejected",
    "changed",
    "down",
    "up",
    "round",
]


@dataclass(frozen=True, slots=True)
class CallEvent:
    """Something that happened to a call, for progress displays and logs. Never carries text or keys."""

    kind: EventKind
    """reused: read from the ledger · sent: handed to the vendor · tokens: text is arriving · wait: a retry is
    waited for · waiting: a mailbox waits for a file · fallback: the endpoint does not take a feature, so it
    is left out from now on · stored: a usable reply is in the ledger · rejected: an unusable one is ·
    changed: a replayed answer belongs to an older prompt · down: a service does not answer any more; its calls
    are held, and one at a time tries · up: it answers again · round: what became of a file of calls that is with
    the service."""
    name: str
    attempt: int = 0
    model: str = ""
    detail: str = ""
    """One line for a person: the file waited for, the reason of a wait, the problem of a reply."""
    tokens: int = 0
    """Kind ``tokens``: reply tokens so far by our own count."""
    seconds: float = 0.0
    """Kind ``wait``: how long; kinds ``stored`` and ``rejected``: how long the answer took; kind ``up``: how long
    it was away."""
    usage: Usage | None = None
    """Kinds ``stored``, ``rejected`` and ``reused``: what the reply used when it was made."""


Observer = Callable[[CallEvent], None]
Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What a vendor needs to know beyond the SPEC. Nothing here enters a ledger key, but the endpoint
    (``base_url``, or the variable of ``env`` that stands for it) as host and path."""

    base_url: str | None = None
    """Endpoint of ``openai:``; None takes ``OPENAI_BASE_URL``, else the vendor's own."""
    api_key: str | None = field(default=None, repr=False)
    """Key of ``openai:``; None takes ``OPENAI_API_KEY``. Never shown."""
    timeout: float = 120.0
    """Seconds without a byte from the service after which a call counts as stalled."""
    command_timeout: float = 600.0
    """Seconds a ``command:`` may run."""
    context_window: int | None = None
    """Tokens of prompt and reply together; None: what is known of the model, else no guard."""
    stream: bool = True
    """False for endpoints that cannot stream."""
    env: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    """Environment that keys and endpoints are read from. Not shown: it may hold keys."""
    poll: float = 0.5
    """Seconds between two looks for a mailbox reply."""
    sleep: Sleep = asyncio.sleep
    now: Callable[[], float] = time.time
    """Wall clock, for a Retry-After given as a date."""
    observe: Observer | None = None
    """Told which files a mailbox waits for and what an endpoint was found not to support."""


class Model(Protocol):
    """One model behind one SPEC."""

    @property
    def spec(self) -> str:
        """As the user wrote it: ``openai:gpt-5-mini``."""

    @property
    def identity(self) -> str:
        """Goes into ``Call.model`` and so into the ledger key: the SPEC, and ``@host/path`` of the endpoint
        where it is not the vendor's own. ``mailbox`` and ``replay`` alone: a moved folder keeps its
        ledger."""

    @property
    def context_window(self) -> int | None:
        """Tokens of prompt and reply together; None where it is not known."""

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        """Answer the call once, without retrying.

        on_token: called as text arrives with the reply tokens so far by our own count, reasoning included: they are paid
        for also where the rest never comes.
        Raises only errors of ``agent.errors``: Unavailable where trying again can help, else another
        ModelError.
        """

    async def aclose(self) -> None:
        """Release connections."""


@runtime_checkable
class Recorded(Protocol):
    """A model that answers from a recording, and can tell whether the prompt is still the recorded one."""

    def differs(self, call: Call) -> bool:
        """True where the recorded answer to this name and attempt was made for another prompt."""

    def holds(self, name: str) -> bool:
        """True where any answer to a call of this name, or of one that starts with it, is recorded."""


@dataclass(frozen=True, slots=True)
class Staying:
    """What stays with a service when its answers are no longer waited for."""

    calls: int = 0
    batches: int = 0

    def __add__(self, other: Staying) -> Staying:
        return Staying(self.calls + other.calls, self.batches + other.batches)


@runtime_checkable
class Deferred(Protocol):
    """A model whose service keeps its answers until they are fetched, in this run or a later one: nothing is lost
    when the wait for one is broken off. They cost less (`Usage.batched`)."""

    def staying(self) -> Staying:
        """What is with the service now."""
