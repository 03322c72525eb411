"""Caps on tokens and money, kept before a call is made rather than noticed after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agent.errors import BudgetReached, ConfigError
from agent.llm.prices import Price, cost_of
from agent.records import Call, Reply, Usage

DEFAULT_REPLY = 8192
"""Reply tokens reserved for a call whose params set no ``max_tokens``."""


def worst_case(call: Call, prompt_tokens: int) -> Usage:
    """The most a call can use: its prompt, nothing of it cached, and the longest reply its params allow, reasoning
    tokens included (services count them against the same limit)."""
    longest = call.params.get("max_tokens") or call.params.get("max_completion_tokens") or DEFAULT_REPLY
    return Usage(prompt=prompt_tokens, completion=int(longest))


@dataclass(slots=True, eq=False)
class Cap:
    """One limit and what counts towards it."""

    what: str
    """Whose limit it is: this run, an article, today."""
    limit: float
    dollars: bool = True
    """False: tokens."""
    spent: float = 0.0
    reserved: float = 0.0
    under_way: int = 0

    def amount(self, tokens: int, cost: float) -> float:
        return cost if self.dollars else tokens

    def complaint(self, amount: float) -> str:
        """Why a call that may need so much cannot go; empty where it can."""
        if self.spent + self.reserved + amount <= self.limit:
            return ""
        if self.dollars:
            return f"${self.spent:.4f} spent, this call may cost ${amount:.4f}, the cap is ${self.limit:g} for {self.what}"
        return f"{self.spent:.0f} tokens spent, this call may need {amount:.0f}, the cap is {self.limit:.0f} for {self.what}"


@dataclass(frozen=True, slots=True)
class Before:
    """What was spent earlier and counts all the same, in US dollars."""

    article: Callable[[str], float] = lambda slug: 0.0
    """By slug."""
    day: Callable[[str], float] = lambda day: 0.0
    """By UTC day, ``2025-01-31``."""


@dataclass(slots=True, eq=False)
class Holding:
    """What one call under way holds of each cap."""

    caps: list[tuple[Cap, float]] = field(default_factory=list)


class Budget:
    """What a run may spend. Answers read from the ledger cost nothing again.

    Caps may be given in tokens and in US dollars, for the run, for each article and for each day (UTC). What a
    call can cost at most is reserved before it is sent and replaced by what it did cost; calls under way that
    count towards the same cap are waited for before it counts as reached. Of a stream that broke off, its prompt
    and what had arrived are counted.
    """

    def __init__(
        self,
        *,
        cap_tokens: int | None = None,
        cap_cost: float | None = None,
        article_cost: float | None = None,
        day_cost: float | None = None,
        before: Before = Before(),
        today: Callable[[], str] = lambda: "",
        price: Price = cost_of,
    ) -> None:
        self.article_cost = article_cost
        self.day_cost = day_cost
        self._before = before
        self._today = today
        self._price = price
        self._run = [Cap("this run", cap_cost)] if cap_cost is not None else []
        if cap_tokens is not None:
            self._run.append(Cap("this run", cap_tokens, dollars=False))
        self._articles: dict[str, Cap] = {}
        self._days: dict[str, Cap] = {}
        self._dollars = any(c is not None for c in (cap_cost, article_cost, day_cost))
        self._settled = asyncio.Condition()
        self.spent_tokens = 0
        self.spent_cost = 0.0

    @asynccontextmanager
    async def reserved(self, call: Call, worst: Usage) -> AsyncIterator[Callable[[Reply], None]]:
        """Hold the worst case while the block runs; it calls what it is given with each reply it got.

        Raises BudgetReached before a call that could break a cap, ConfigError where a cap in dollars meets a
        model of unknown price.
        """
        holding = await self._reserve(call, worst.prompt + worst.completion, self._cost(call.model, worst))

        def spent(reply: Reply) -> None:
            tokens, cost = reply.usage.prompt + reply.usage.completion, self._cost(call.model, reply.usage)
            self.spent_tokens += tokens
            self.spent_cost += cost
            for cap, _ in holding.caps:
                cap.spent += cap.amount(tokens, cost)

        try:
            yield spent
        finally:
            for cap, amount in holding.caps:
                cap.reserved -= amount
                cap.under_way -= 1
            async with self._settled:
                self._settled.notify_all()

    async def _reserve(self, call: Call, tokens: int, cost: float) -> Holding:
        async with self._settled:
            while True:
                caps = self._caps(call.name.partition("/")[0])
                broken = [(cap, why) for cap in caps if (why := cap.complaint(cap.amount(tokens, cost)))]
                if not broken:
                    break
                hopeless = next(((cap, why) for cap, why in broken if not cap.under_way), None)
                if hopeless is not None:
                    raise BudgetReached(
                        f"{call.name}: {hopeless[1]}",
                        article=hopeless[0] in self._articles.values(),
                        hint="raise the cap and run the same command again: what was answered is not paid twice",
                    )
                await self._settled.wait()
            holding = Holding([(cap, cap.amount(tokens, cost)) for cap in caps])
            for cap, amount in holding.caps:
                cap.reserved += amount
                cap.under_way += 1
            return holding

    def _caps(self, slug: str) -> list[Cap]:
        """All that a call of an article counts towards."""
        caps = list(self._run)
        if self.article_cost is not None:
            if slug not in self._articles:
                self._articles[slug] = Cap(slug, self.article_cost, spent=self._before.article(slug))
            caps.append(self._articles[slug])
        if self.day_cost is not None:
            # A run may pass midnight, and clocks are set: each day has a cap of its own.
            day = self._today()
            if day not in self._days:
                self._days[day] = Cap(f"{day} (UTC)", self.day_cost, spent=self._before.day(day))
            caps.append(self._days[day])
        return caps

    def _cost(self, identity: str, usage: Usage) -> float:
        if not self._dollars:
            return 0.0
        cost = self._price(identity, usage)
        if cost is None:
            raise unknown_price(identity)
        return cost


def unknown_price(identity: str) -> ConfigError:
    return ConfigError(
        f"the price of {identity} is not known, so a cap in dollars cannot be kept",
        hint=f'set its price ([prices.models."{identity}"] in config.toml), or a cap in tokens (budget.tokens)',
    )
