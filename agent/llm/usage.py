"""Our own count of tokens, where the service gives none and before it is asked."""

from __future__ import annotations

from agent.llm.keys import canonical
from agent.records import Call, Usage
from agent.tokens import count

PER_MESSAGE = 4
"""Tokens that chat formats add around a message (role and separators)."""


def prompt_tokens(call: Call) -> int:
    """Tokens of the messages and the schema, the separators included."""
    schema = "" if call.schema is None else canonical(dict(call.schema))
    return sum(count(m.content) + PER_MESSAGE for m in call.messages) + count(schema)


def own_count(call: Call, text: str, completion: int | None = None) -> Usage:
    """Usage of a call as we count it; ``completion``: of the reply, where there was more than its text."""
    return Usage(
        prompt_tokens(call), completion=count(text) if completion is None else completion, counted=False
    )
