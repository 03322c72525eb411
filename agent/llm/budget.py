"""A cap on tokens or money, kept before a call is made rather than noticed after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agent.errors import BudgetReached, ConfigError
from agent.llm.prices import cost_of
from agent.records import Call, Reply, Usage

DEFAULT_REPLY = 8192
"""Reply tokens reserved for a call whose params set no ``max_tokens``."""


def worst_case(call: Call, prompt_tokens: int) -> Usage:
    """The most a call can use: its prompt, nothing of it cached, and the longest reply its params allow."""
    longest = call.params.get("max_tokens") or call.params.get("max_completion_tokens") or DEFAULT_REPLY
    return Usage(prompt=prompt_tokens, completion=int(longest))


class Budget:
    """What a run may spend. Answers read from the ledger cost nothing again.

    Give a cap in tokens, in US dollars, or both. What a call can cost at most is reserved before it is sent
    and replaced by what it did cost; calls under way are waited for before the cap counts as reached. Tokens
    of streams that broke off are not known and not counted.
    """

    def __init__(
        self,
        *,
        cap_tokens: int | None = None,
        cap_cost: float | None = None,
        price: Callable[[str, Usage], float | None] = cost_of,
    ) -> None:
        self.cap_tokens = cap_tokens
        self.cap_cost = cap_cost
        self.spent_tokens = 0
        self.spent_cost = 0.0
        self._price = price
        self._reserved_tokens = 0
        self._reserved_cost = 0.0
        self._under_way = 0
        self._settled = asyncio.Condition()

    @asynccontextmanager
    async def reserved(self, call: Call, worst: Usage) -> AsyncIterator[Callable[[Reply], None]]:
        """Hold the worst case while the block runs; it calls what it is given with the reply it got.

        Raises BudgetReached before a call that could break a cap, ConfigError where a cap in dollars meets a
        model of unknown price.
        """
        cost = self._cost(call.model, worst)
        await self._reserve(call, worst.prompt + worst.completion, cost)

        def spent(reply: Reply) -> None:
            self.spent_tokens += reply.usage.prompt + reply.usage.completion
            self.spent_cost += self._cost(call.model, reply.usage)

        try:
            yield spent
        finally:
            self._reserved_tokens -= worst.prompt + worst.completion
            self._reserved_cost -= cost
            self._under_way -= 1
            async with self._settled:
                self._settled.notify_all()

    async def _reserve(self, call: Call, tokens: int, cost: float) -> None:
        async with self._settled:
            while (reason := self._would_break(tokens, cost)) and self._under_way:
                await self._settled.wait()
            if reason:
                raise BudgetReached(
                    f"{call.name}: {reason}",
                    hint="raise the cap and run the same command again: what was answered is not paid twice",
                )
            self._reserved_tokens += tokens
            self._reserved_cost += cost
            self._under_way += 1

    def _would_break(self, tokens: int, cost: float) -> str:
        most_tokens = self.spent_tokens + self._reserved_tokens + tokens
        if self.cap_tokens is not None and most_tokens > self.cap_tokens:
            return (
                f"{self.spent_tokens} tokens spent, this call may need {tokens}, the cap is {self.cap_tokens}"
            )
        most_cost = self.spent_cost + self._reserved_cost + cost
        if self.cap_cost is not None and most_cost > self.cap_cost:
            return (
                f"${self.spent_cost:.4f} spent, this call may cost ${cost:.4f}, the cap is ${self.cap_cost}"
            )
        return ""

    def _cost(self, identity: str, usage: Usage) -> float:
        if self.cap_cost is None:
            return 0.0
        cost = self._price(identity, usage)
        if cost is None:
            raise ConfigError(
                f"the price of {identity} is not known, so a cap in dollars cannot be kept",
                hint="set a cap in tokens instead",
            )
        return cost
