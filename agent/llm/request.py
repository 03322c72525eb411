"""What the pipeline asks of the model layer, and what it gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

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
    """Turns the whole text into the value; raises Malformed with the reason, which the next attempt
    carries."""
    continue_prompt: str
    """Said after a reply that stopped at the length limit, to get the rest."""
    malformed_prompt: Callable[[str], str]
    """Makes what is said after an unusable reply from what was wrong with it."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """What shapes the answer; ``max_tokens`` is the reply's limit. Part of the ledger key."""
    schema: Mapping[str, Any] | None = None
    tries: int = 3
    """Attempts in all, continuations among them."""
    first_attempt: int = 0
    """Attempts below this one are read from the ledger and never sent: a failed call that is tried once more
    numbers on, and carries what was wrong last."""
    prefix: str = ""
    """Requests with the same one start with the same bytes: the first that is sent warms the vendor's prompt cache
    for the others. No part of the ledger key."""
    shared: int = 0
    """Characters of the user's message that belong to that start."""


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
