"""Caps on tokens and money, kept before a call is made rather than noticed after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agent.errors import BudgetReached, ConfigError
from agent.llm.accounts import Accounts, OwnAccounts, Standing
from agent.llm.model import Sleep
from agent.llm.prices import Price, cost_of
from agent.llm.reply_limit import reply_limit
from agent.llm.warmth import keeps_marked
from agent.records import Call, Reply, Usage

LOOK_AGAIN = 1.0
"""Seconds between two looks at what other processes have under way."""


def worst_case(call: Call, prompt_tokens: int) -> Usage:
    """The most a call can use: its prompt, nothing of it cached (but all put into the cache where that is billed), and
    the longest reply its params allow, reasoning tokens included (services count them against the same limit)."""
    written = prompt_tokens if keeps_marked(call) else 0
    return Usage(prompt=prompt_tokens, completion=reply_limit(call), written=written)


@dataclass(slots=True, eq=False)
class Cap:
    """One limit and what counts towards it."""

    what: str
    """Whose limit it is: this run, an article, today."""
    limit: float
    dollars: bool = True
    """False: tokens."""
    article: bool = False
    spent: float = 0.0
    reserved: float = 0.0
    under_way: int = 0

    @classmethod
    def standing(cls, what: str, limit: float, how: Standing, *, article: bool = False) -> Cap:
        """A cap as the accounts know it at this moment."""
        return cls(what, limit, True, article, how.spent, how.reserved, how.under_way)

    def amount(self, tokens: int, cost: float) -> float:
        return cost if self.dollars else tokens

    def complaint(self, amount: float) -> str:
        """Why a call that may need so much cannot go; empty where it can."""
        if self.spent + self.reserved + amount <= self.limit:
            return ""
        if self.dollars:
            return f"${self.spent:.4f} spent, this call may cost ${amount:.4f}, the cap is ${self.limit:g} for {self.what}"
        return f"{self.spent:.0f} tokens spent, this call may need {amount:.0f}, the cap is {self.limit:.0f} for {self.what}"

    def is_final(self, amount: float) -> bool:
        """True where no end of a call under way can make room."""
        return not self.under_way or self.spent + amount > self.limit


@dataclass(slots=True, eq=False)
class Reserved:
    """What one call under way holds of the caps, and who is told what it came to."""

    budget: Budget
    call: Call
    worst: Usage
    number: int | None = None
    """Of the reservation, with the accounts; None while nothing is held."""
    short: bool = False
    """A part of it is used up, so that it no longer covers the worst case."""

    def __call__(self, reply: Reply) -> None:
        """A reply was stored."""
        self.budget.stored(self.call, reply.usage)

    def lost(self, usage: Usage) -> None:
        """A stream broke off; the service bills what had arrived, and that is all we know of it."""
        self.budget.lost(self.call, usage)
        self.short = True

    async def renew(self) -> None:
        """Before the call is sent again: raises BudgetReached where what was lost leaves no room for it."""
        if self.short:
            await self.budget.renew(self)


class Budget:
    """What a run may spend. Answers read from the ledger cost nothing again.

    Caps may be given in tokens and in US dollars, for the run, for each article and for each day (UTC). What a
    call can cost at most is reserved before it is sent and replaced by what it did cost; calls under way that
    count towards the same cap, those of other processes too, are waited for before it counts as reached. Of a
    stream that broke off, its prompt and what had arrived are counted.

    accounts: who else spends on articles and days. on_wait: told the call and the cap before calls of other processes
    are waited for.
    """

    def __init__(
        self,
        *,
        cap_tokens: int | None = None,
        cap_cost: float | None = None,
        article_cost: float | None = None,
        day_cost: float | None = None,
        accounts: Accounts | None = None,
        today: Callable[[], str] = lambda: "",
        price: Price = cost_of,
        sleep: Sleep = asyncio.sleep,
        on_wait: Callable[[Call, str], None] = lambda call, reason: None,
    ) -> None:
        self.article_cost = article_cost
        self.day_cost = day_cost
        self._accounts = accounts or OwnAccounts()
        self._today = today
        self._price = price
        self._sleep = sleep
        self._on_wait = on_wait
        self._run = [Cap("this run", cap_cost)] if cap_cost is not None else []
        if cap_tokens is not None:
            self._run.append(Cap("this run", cap_tokens, dollars=False))
        self._dollars = any(c is not None for c in (cap_cost, article_cost, day_cost))
        self._released = asyncio.Event()
        self._under_way = 0

    @asynccontextmanager
    async def reserved(self, call: Call, worst: Usage) -> AsyncIterator[Reserved]:
        """Hold the worst case while the block runs; it calls what it is given with each reply it got.

        Raises BudgetReached before a call that could break a cap, ConfigError where a cap in dollars meets a
        model of unknown price.
        """
        held = Reserved(self, call, worst)
        await self._reserve(held)
        try:
            yield held
        finally:
            self._release(held)

    @property
    def capped(self) -> bool:
        """True where prompts have to be counted before they are sent."""
        return self._dollars or bool(self._run)

    def stored(self, call: Call, usage: Usage) -> None:
        self._accounts.stored(_slug(call), self._today(), self._spend(call, usage))

    def lost(self, call: Call, usage: Usage) -> None:
        self._accounts.lost(_slug(call), self._today(), self._spend(call, usage))

    async def renew(self, held: Reserved) -> None:
        self._release(held)
        await self._reserve(held)

    def close(self) -> None:
        self._accounts.close()

    def _spend(self, call: Call, usage: Usage) -> float:
        tokens, cost = usage.prompt + usage.completion, self._cost(call.model, usage)
        for cap in self._run:
            cap.spent += cap.amount(tokens, cost)
        return cost

    async def _reserve(self, held: Reserved) -> None:
        told = False
        while (full := self._take(held)) is not None:
            if full.under_way > self._under_way and not told:
                self._on_wait(held.call, f"the cap of ${full.limit:g} for {full.what}")
                told = True
            await self._wait()

    def _take(self, held: Reserved) -> Cap | None:
        """Reserve where there is room; else the cap that leaves none until a call under way has ended. Raises
        BudgetReached where waiting is in vain."""
        call, tokens = held.call, held.worst.prompt + held.worst.completion
        cost = self._cost(call.model, held.worst)
        with self._accounts.exclusive():
            broken = self._broken(call, tokens, cost)
            if broken and self._accounts.clear():
                broken = self._broken(call, tokens, cost)
            if not broken:
                held.number = self._accounts.reserve(_slug(call), cost)
                held.short = False
                self._under_way += 1
                for cap in self._run:
                    cap.reserved += cap.amount(tokens, cost)
                    cap.under_way += 1
                return None
        final = next((cap for cap in broken if cap.is_final(cap.amount(tokens, cost))), None)
        if final is None:
            return broken[0]
        raise BudgetReached(
            f"{call.name}: {final.complaint(final.amount(tokens, cost))}",
            article=final.article,
            hint="raise the cap and run the same command again: what was answered is not paid twice",
        )

    def _broken(self, call: Call, tokens: int, cost: float) -> list[Cap]:
        """Caps that leave no room for a call."""
        slug, caps = _slug(call), list(self._run)
        if self.article_cost is not None:
            caps.append(Cap.standing(slug, self.article_cost, self._accounts.article(slug), article=True))
        if self.day_cost is not None:
            # A run may pass midnight, and clocks are set: each day has a cap of its own.
            day = self._today()
            caps.append(Cap.standing(f"{day} (UTC)", self.day_cost, self._accounts.day(day)))
        return [cap for cap in caps if cap.complaint(cap.amount(tokens, cost))]

    def _release(self, held: Reserved) -> None:
        if held.number is None:
            return
        number, held.number = held.number, None
        self._under_way -= 1
        tokens, cost = held.worst.prompt + held.worst.completion, self._cost(held.call.model, held.worst)
        for cap in self._run:
            cap.reserved -= cap.amount(tokens, cost)
            cap.under_way -= 1
        self._released.set()
        self._released = asyncio.Event()
        self._accounts.release(number)

    async def _wait(self) -> None:
        """Until a call of ours has ended; those of others are looked at again after a while."""
        released = asyncio.ensure_future(self._released.wait())
        slept = asyncio.ensure_future(self._sleep(LOOK_AGAIN)) if self._accounts.shared else released
        try:
            await asyncio.wait({released, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()
            slept.cancel()

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


def _slug(call: Call) -> str:
    return call.name.partition("/")[0]
