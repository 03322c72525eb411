"""What the next attempt says, and what the last one was worth. Knows neither ledger nor vendor.

The messages of attempt n are a function of the request and of the stored replies before it, of nothing else:
that is why a resumed or replayed run asks the same as a live one did.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from agent.errors import BadReply, CutOff, EmptyReply, Malformed, Refused
from agent.llm.request import Request
from agent.records import Call, Message, Reply

T = TypeVar("T")

SHORTEST_OVERLAP = 20
"""Characters. A continuation that begins with at least so much of the end of the cut text repeats it."""


@dataclass(frozen=True, slots=True)
class Usable(Generic[T]):
    value: T
    text: str


@dataclass(slots=True)
class Attempts(Generic[T]):
    """The tries of one request, in order. ``call`` gives what to ask, ``read`` takes the reply."""

    request: Request[T]
    model: str
    messages: tuple[Message, ...] = field(init=False)
    partial: str = ""
    """Text of cut replies so far, waiting for its continuation."""
    failure: BadReply | None = None
    """What was wrong last."""

    def __post_init__(self) -> None:
        self.messages = self.request.messages

    def call(self, attempt: int) -> Call:
        request = self.request
        return Call(
            *(request.name, self.model, self.messages, request.params, request.schema, attempt),
            request.shared,
        )

    def read(self, reply: Reply, known_problem: str = "") -> Usable[T] | BadReply:
        """The value, or what is wrong; in the latter case the next ``call`` carries it.

        known_problem: of a reply that was rejected before. It is not looked at again, so that a rejected
        reply stays rejected, and the way on is the one it led to then.
        """
        text = join(self.partial, reply.text)
        outcome = self._outcome(reply, text) if not known_problem else _again(reply, known_problem)
        if isinstance(outcome, Usable):
            return outcome
        self.failure = outcome
        cut = isinstance(outcome, CutOff) and bool(text.strip())
        self.partial = text if cut else ""
        say = self.request.continue_prompt if cut else self.request.malformed_prompt(str(outcome))
        self.messages = _followed_up(self.request.messages, text, say)
        return outcome

    def _outcome(self, reply: Reply, text: str) -> Usable[T] | BadReply:
        kind = _kind(reply)
        if kind is CutOff:
            return CutOff("it stopped at the length limit" + ("" if text.strip() else " before any text"))
        if kind is EmptyReply:
            return EmptyReply("it holds no text")
        if kind is Refused:
            return Refused("the model or a filter declined")
        if reply.finish_reason == "error":
            return Malformed("the service reported an error in place of an end")
        try:
            return Usable(self.request.parse(text), text)
        except Malformed as error:
            return error


def _kind(reply: Reply) -> type[BadReply]:
    """Which error an unusable reply stands for; Malformed where only a parser can tell."""
    if reply.finish_reason == "length":
        return CutOff
    if reply.finish_reason == "refused":
        return Refused
    return Malformed if reply.text.strip() else EmptyReply


def _again(reply: Reply, problem: str) -> BadReply:
    return _kind(reply)(problem)


def _followed_up(base: tuple[Message, ...], text: str, say: str) -> tuple[Message, ...]:
    """Base, the model's text, what we say to it. Only the last reply is carried: prompts do not grow with
    tries.

    Without text our words join the last message, since many servers refuse an empty assistant message and two
    user messages in a row.
    """
    if text.strip():
        return (*base, Message("assistant", text), Message("user", say))
    if base and base[-1].role == "user":
        return (*base[:-1], replace(base[-1], content=f"{base[-1].content}\n\n{say}"))
    return (*base, Message("user", say))


def join(partial: str, rest: str) -> str:
    """A cut text and its continuation. What the continuation repeats of the end is dropped."""
    longest = min(len(partial), len(rest))
    for size in range(longest, SHORTEST_OVERLAP - 1, -1):
        if partial.endswith(rest[:size]):
            return partial + rest[size:]
    return partial + rest


def exhausted(failure: BadReply, request: Request[Any], model: str, attempt: int) -> BadReply:
    """The error of a request whose attempts are used up, naming call and place."""
    tries = f"attempt {attempt + 1}, the last of {request.first_attempt + request.tries}"
    return type(failure)(
        f"{request.name}: {model} gave no usable reply ({tries}): {failure}",
        hint=failure.hint or "the replies are kept in the ledger; try again, or another model with --model",
        call=request.name,
        next_attempt=attempt + 1,
    )
