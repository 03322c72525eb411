"""Keeping keys out of everything that is written, shown or raised."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LOOKS_LIKE_A_KEY = re.compile(r"\b(?:sk|pk|rk)-[\w.*-]{6,}|(?<=Bearer )\S+")
"""Services echo keys in part too: "Incorrect API key provided: sk-abc***xyz"."""

SHORTEST_SECRET = 8
"""Placeholders such as "none" or "ollama" are words, not secrets."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, and without what looks like a key."""
    return _LOOKS_LIKE_A_KEY.sub("[key]", without(text, secrets))


def without(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets themselves; for text that is content, where a pattern could hit words."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "[key]")
    return text


def one_line(text: str, limit: int = 300) -> str:
    """For messages: white space folded, cut at limit."""
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"
