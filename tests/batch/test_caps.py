"""Caps for the run, an article and a day, with many calls under way."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import PriceConfig
from agent.errors import BudgetReached, ConfigError, Unavailable
from agent.llm import Budget, Client, Ledger, OwnAccounts, RetryPolicy, priced
from agent.records import Reply, Usage
from tests.llm.helpers import Clock, FakeModel, make_call, make_request, purse, run

PRICE = priced({"fake:m": PriceConfig(input=1e6, cached=0.0, output=1e6)})
"""One dollar a token."""


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 30), st.floats(0, 1)), min_size=1, max_size=40),
    st.integers(10, 300),
    st.integers(10, 150),
    st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_no_cap_is_ever_broken(
    calls: list[tuple[str, int, float]], cap: int, article: int, seed: int
) -> None:
    """Calls of random articles, sizes and durations side by side: what was spent and could still be stays below."""
    rng = random.Random(seed)
    spent = dict.fromkeys("abc", 0.0)
    refused: list[tuple[int, bool]] = []

    async def main() -> int:
        budget = Budget(cap_cost=cap, article_cost=article, price=PRICE)
        could = {"all": 0.0, **spent}
        sent = 0

        async def one(n: int, slug: str, most: int, share: float) -> None:
            nonlocal sent
            try:
                async with budget.reserved(make_call(f"{slug}/{n}"), Usage(most, 0, most)) as pay:
                    sent += 1
                    for name in ("all", slug):
                        could[name] += 2 * most
                    assert could["all"] <= cap
                    assert could[slug] <= article
                    for _ in range(rng.randint(0, 4)):
                        await asyncio.sleep(0)
                    used = round(most * share)
                    pay(Reply("", usage=Usage(most, 0, used)))
                    for name in ("all", slug):
                        could[name] -= most - used
            except BudgetReached as error:
                over = could[slug] + 2 * most > article if error.article else could["all"] + 2 * most > cap
                refused.append((error.exit_code, over))

        await asyncio.gather(*(one(n, *call) for n, call in enumerate(calls)))
        return sent

    sent = run(main())
    assert sent + len(refused) == len(calls)
    # Nothing that counts towards the cap was under way any more, and it really did not fit.
    assert all(row == (4, True) for row in refused)


def test_what_was_spent_before_counts() -> None:
    async def main() -> None:
        budget = Budget(article_cost=100, accounts=OwnAccounts(articles={"a": 90.0}), price=PRICE)
        with pytest.raises(BudgetReached, match=r"\$90\.0000 spent.*cap is \$100 for a") as caught:
            async with budget.reserved(make_call("a/x"), Usage(10, 0, 10)):
                raise AssertionError("not reached")
        assert caught.value.article
        async with budget.reserved(make_call("b/x"), Usage(10, 0, 10)) as pay:
            pay(Reply("", usage=Usage(10, 0, 10)))

    run(main())


def test_each_day_has_its_own_cap_and_clocks_may_be_set_back() -> None:
    days = iter(["2025-03-01", "2025-03-02", "2025-03-01"])
    earlier = {"2025-03-01": 90.0, "2025-03-02": 0.0}
    today = ""

    async def main() -> None:
        nonlocal today
        budget = Budget(
            day_cost=100, accounts=OwnAccounts(days=dict(earlier)), today=lambda: today, price=PRICE
        )
        today = next(days)
        with pytest.raises(BudgetReached, match="2025-03-01"):
            async with budget.reserved(make_call(), Usage(10, 0, 10)):
                raise AssertionError("not reached")
        today = next(days)
        async with budget.reserved(make_call(), Usage(10, 0, 10)) as pay:
            pay(Reply("", usage=Usage(10, 0, 10)))
        today = next(days)
        with pytest.raises(BudgetReached, match="2025-03-01"):
            async with budget.reserved(make_call(), Usage(10, 0, 10)):
                raise AssertionError("not reached")

    run(main())


def test_one_article_at_its_cap_does_not_wait_for_the_others() -> None:
    async def main() -> None:
        budget = Budget(article_cost=30, price=PRICE)
        async with budget.reserved(make_call("b/slow"), Usage(10, 0, 10)):
            refused = budget.reserved(make_call("a/x"), Usage(20, 0, 20)).__aenter__()
            with pytest.raises(BudgetReached):
                await asyncio.wait_for(refused, 60)

    run(main())


def test_a_cap_in_dollars_needs_a_price_and_one_can_be_set() -> None:
    async def main() -> None:
        call = make_call(model="openai:mine@10.0.0.1:8000/v1")
        with pytest.raises(ConfigError, match=r"price of openai:mine@10\.0\.0\.1.* is not known") as caught:
            async with Budget(day_cost=1.0, today=lambda: "d").reserved(call, Usage(1)):
                raise AssertionError("not reached")
        assert "prices.models" in caught.value.hint
        own = priced({"openai:mine": PriceConfig(input=2.0, cached=1.0, output=4.0)})
        assert own("openai:mine@10.0.0.1:8000/v1", Usage(3_000_000, 1_000_000, 1_000_000)) == pytest.approx(
            9.0
        )
        async with Budget(day_cost=1.0, today=lambda: "d", price=own).reserved(call, Usage(1)) as pay:
            pay(Reply(""))

    run(main())


@pytest.mark.parametrize("arrived", [0, 7])
def test_a_stream_that_broke_off_is_counted(tmp_path: Path, arrived: int) -> None:
    class Breaking(FakeModel):
        async def send(self, call, *, on_token=None):  # type: ignore[no-untyped-def]
            if len(self.calls) == 0:
                on_token(arrived)
            return await super().send(call, on_token=on_token)

    clock = Clock()
    budget, spent = purse()

    async def main() -> None:
        model = Breaking([Unavailable("cut"), "好。"])
        with Ledger(tmp_path / "l.db") as ledger:
            client = Client(
                ledger,
                {"default": model},
                budget=budget,
                retry=RetryPolicy(rng=lambda: 0.0),
                sleep=clock.sleep,
            )
            await client.ask(make_request())
            await client.aclose()

    run(main())
    prompt = spent["a"] - 15 - arrived
    assert 5 < prompt < 60, "its prompt, what had arrived, and the answer that came"
