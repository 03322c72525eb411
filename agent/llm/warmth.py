"""The vendor's prompt cache: the first of several calls with one start goes alone until its first token is there,
since only then can the others be served from the cache."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.llm.model import Sleep
from agent.records import Call

CACHING = (
    *("openai", "anthropic", "azure_openai", "bedrock", "bedrock_converse", "deepseek", "fireworks"),
    *("google_genai", "google_vertexai", "groq", "openrouter", "together", "xai"),
)
"""Vendors that keep prompts by themselves. ``openai`` stands for compatible servers too: vLLM, SGLang and
llama.cpp keep prefixes in memory."""
MARKED = ("anthropic",)
"""Of them, those that keep only what is marked, and bill for keeping it."""
COLD_AFTER = 300.0
"""Seconds without a call after which vendors may have dropped a prompt (OpenAI: 5 to 10 minutes)."""


def keeps_prompts(identity: str) -> bool:
    return identity.partition(":")[0] in CACHING


def keeps_marked(call: Call) -> bool:
    """True where the start of this prompt is to be marked, for the vendor to keep it for the calls that share it."""
    return bool(call.shared) and call.model.partition(":")[0] in MARKED


@dataclass(slots=True, eq=False)
class Warmth:
    """Who goes ahead. ``patience`` bounds, in seconds, what the others wait for it."""

    patience: float
    sleep: Sleep
    clock: Callable[[], float]
    _used: dict[str, float] = field(default_factory=dict)
    """Start of a prompt → when it was last sent."""
    _leading: dict[str, asyncio.Event] = field(default_factory=dict)
    """Start of a prompt → what the others wait for."""
    _timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """Start of a prompt → the end of the others' patience."""

    async def enter(self, prefix: str) -> bool:
        """Return when the caller may send; True where it goes ahead and has to `warmed` or `gave_up`."""
        if not prefix or self.patience <= 0:
            return False
        while not self._warm(prefix):
            if prefix not in self._leading:
                self._leading[prefix] = asyncio.Event()
                return True
            await self._leading[prefix].wait()
        self._used[prefix] = self.clock()
        return False

    def sent(self, prefix: str) -> None:
        """The one that goes ahead is under way: from now on the others' patience counts."""

        async def lose_patience() -> None:
            await self.sleep(self.patience)
            self.warmed(prefix)

        self._timers[prefix] = asyncio.ensure_future(lose_patience())

    def warmed(self, prefix: str) -> None:
        """Its first token is there."""
        self._used[prefix] = self.clock()
        self._done(prefix)

    def gave_up(self, prefix: str) -> None:
        """It failed before its first token: the next one goes ahead."""
        self._done(prefix)

    def close(self) -> None:
        for prefix in tuple(self._leading):
            self._done(prefix)

    def _warm(self, prefix: str) -> bool:
        last = self._used.get(prefix)
        return last is not None and self.clock() - last < COLD_AFTER

    def _done(self, prefix: str) -> None:
        timer = self._timers.pop(prefix, None)
        if timer is not None and timer is not asyncio.current_task():
            timer.cancel()
        event = self._leading.pop(prefix, None)
        if event is not None:
            event.set()
