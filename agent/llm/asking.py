"""The tries of a request, one after the other, wherever the replies come from.

`agent.llm.client` has them from the ledger and the vendors behind it; a process elsewhere has them from the one
that holds the ledger. What is asked, and what counts as an answer, is the same.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeVar

from agent.errors import BadReply
from agent.llm.attempts import Attempts, Usable, exhausted
from agent.llm.ledger_rows import Row
from agent.llm.request import Answer, Request
from agent.records import Call, Usage

T = TypeVar("T")
Judged = Literal["ok", "rejected"]


class Source(Protocol):
    """Where replies come from. Its errors are those of `agent.llm.client.Client.ask`."""

    def identity(self, role: str) -> str:
        """Of the model that answers for a role."""

    async def holds(self, call: Call) -> bool:
        """True where the reply is stored already."""

    async def row(self, role: str, call: Call, prefix: str) -> tuple[Row, bool]:
        """The reply, stored; and whether a recording gave it that was made for another prompt."""

    async def judge(self, key: str, name: str, status: Judged, problem: str) -> Row:
        """Store what was found about a reply that nobody had looked at."""


async def ask(source: Source, request: Request[T]) -> Answer[T]:
    """The first usable answer.

    Raises CutOff, EmptyReply, Refused or Malformed when the attempts are used up, and what the source raises.
    """
    identity = source.identity(request.role)
    attempts = Attempts(request, identity)
    rows: list[Row] = []
    changed = False
    attempt = 0
    while attempt < request.first_attempt + request.tries:
        call = attempts.call(attempt)
        if attempt < request.first_attempt and not await source.holds(call):
            attempt = request.first_attempt
            continue
        row, other = await source.row(request.role, call, request.prefix)
        rows.append(row)
        changed |= other
        outcome = attempts.read(row.reply, row.problem if row.status == "rejected" else "")
        if row.status == "unjudged":
            bad = isinstance(outcome, BadReply)
            await source.judge(
                row.key, request.name, "rejected" if bad else "ok", str(outcome) if bad else ""
            )
        if isinstance(outcome, Usable):
            usage = sum((r.reply.usage for r in rows), Usage())
            return Answer(outcome.value, outcome.text, tuple(r.key for r in rows), usage, changed)
        attempt += 1
    assert attempts.failure is not None
    raise exhausted(attempts.failure, request, identity, attempt - 1)
