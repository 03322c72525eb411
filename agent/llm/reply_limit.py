"""How long a reply may become, kept here where the service does not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from agent.records import Call
from agent.tokens import count

DEFAULT_REPLY = 8192
"""Tokens of a reply, where a call's params set no ``max_tokens``."""
TOLERANCE = 1.5
"""Times the limit up to which a service is believed to count in tokens of its own: tokenizers differ by a third for
Chinese, and a reply that is within the limit by the service's count must not be cut here."""


def reply_limit(call: Call) -> int:
    """Tokens of the longest reply the params allow, reasoning included."""
    return int(call.params.get("max_tokens") or call.params.get("max_completion_tokens") or DEFAULT_REPLY)


@dataclass(slots=True)
class Ruler:
    """Measures a reply as it streams. Breaking it off is what keeps a reserved maximum where a service takes no limit,
    or takes one and ignores it; what it thinks without showing it cannot be measured."""

    limit: float
    """Tokens."""
    _parts: list[str] = field(default_factory=list)
    _tokens: int = 0
    """Sum over what came at once: a token that came in two pieces counts twice, none is left out."""

    @classmethod
    async def of(cls, call: Call, *, kept: bool) -> Ruler:
        """``kept``: the service was told the limit."""
        await asyncio.to_thread(count, "")  # the first time it takes half a second
        return cls(reply_limit(call) * (TOLERANCE if kept else 1.0))

    def take(self, text: str) -> int:
        """Take in what has arrived, reasoning too. Gives the tokens of all so far, rather too many than too few."""
        self._parts.append(text)
        self._tokens += count(text)
        return self._tokens

    @property
    def is_over(self) -> bool:
        """True where the reply is to be broken off."""
        if self._tokens > self.limit:
            self._tokens = self.tokens
        return self._tokens > self.limit

    @property
    def tokens(self) -> int:
        """Of all that has arrived, counted at once."""
        return count("".join(self._parts))
