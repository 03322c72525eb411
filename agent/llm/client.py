"""Asking: ``ask`` → ledger → budget → transport retry → vendor, one concern a call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from agent.llm.budget import Budget
from agent.llm.ledger import Ledger
from agent.llm.model import Model, Observer, Sleep
from agent.llm.retry import RetryPolicy
from agent.records import Message, Usage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """What is wanted of a model, and how to tell whether the answer is usable."""

    name: str
    """Stable over runs, such as ``sgd-svm/theory.2/write``."""
    role: str
    """planner, writer, coder or referee: which of the client's models is asked."""
    messages: tuple[Message, ...]
    parse: Callable[[str], T]
    """Turns the whole text into the value; raises Malformed with the reason, which the next attempt carries."""
    continue_prompt: str
    """Said after a reply that stopped at the length limit, to get the rest."""
    malformed_prompt: Callable[[str], str]
    """Makes what is said after an unusable reply from what was wrong with it."""
    params: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None
    tries: int = 3
    """Attempts in all, continuations among them."""
    first_attempt: int = 0
    """Attempts below this one are read from the ledger and never sent: a failed call that is tried once more
    numbers on, and carries what was wrong last."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    value: T
    text: str
    """The usable text, continuations joined."""
    rows: tuple[str, ...]
    """Ledger keys of all attempts that led here, the rejected ones too."""
    usage: Usage
    """Of all those attempts, as when they were made."""
    changed: bool = False
    """True where a replayed answer belongs to an older prompt."""


class Client:
    """Asks models, at most ``concurrency`` at a time, and never for an answer that is stored.

    models: by role; the role ``"default"`` stands in for one that is not named.
    """

    def __init__(
        self,
        ledger: Ledger,
        models: Mapping[str, Model],
        *,
        retry: RetryPolicy | None = None,
        budget: Budget | None = None,
        concurrency: int = 4,
        observe: Observer | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        raise NotImplementedError

    async def ask(self, request: Request[T]) -> Answer[T]:
        """The first usable answer, from the ledger or from the model.

        Raises CutOff, EmptyReply, Refused or Malformed when the attempts are used up, ContextOverflow before a
        prompt that does not fit, BudgetReached before a call that could break the cap, Unavailable when the
        service kept failing, and what else the vendor raises of ModelError.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close all models; the ledger stays the caller's."""
        raise NotImplementedError
