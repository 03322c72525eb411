"""Our own count of tokens, where the service gives none and before it is asked."""

from __future__ import annotations

import base64
import struct
from math import ceil

from agent.llm.keys import canonical
from agent.records import Call, Usage
from agent.tokens import count

PER_MESSAGE = 4
"""Tokens that chat formats add around a message (role and separators)."""


def prompt_tokens(call: Call) -> int:
    """Tokens of the messages and the schema, the separators included."""
    schema = "" if call.schema is None else canonical(dict(call.schema))
    said = sum(count(m.content) + PER_MESSAGE for m in call.messages)
    return said + sum(image_tokens(i) for m in call.messages for i in m.images) + count(schema)


def image_tokens(uri: str) -> int:
    """Tokens of a PNG as OpenAI counts it in high detail, without the shrinking that may come first: 85, and 170 for
    each tile of 512 pixels. Source: OpenAI's guide "Images and vision", section on costs."""
    head = base64.b64decode(uri.partition(",")[2][:32])
    width, height = (int(size) for size in struct.unpack(">II", head[16:24]))
    return 85 + 170 * ceil(width / 512) * ceil(height / 512)


def own_count(call: Call, text: str, completion: int | None = None) -> Usage:
    """Usage of a call as we count it; ``completion``: of the reply, where there was more than its text."""
    return Usage(
        prompt_tokens(call), completion=count(text) if completion is None else completion, counted=False
    )
