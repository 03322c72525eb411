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


def own_count(call: Call, text: str) -> Usage:
    """Usage of a call as we count it."""
    return Usage(prompt=prompt_tokens(call), completion=count(text), counted=False)
