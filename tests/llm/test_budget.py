"""A cap is kept before a call, not noticed after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.errors import BudgetReached, ConfigError
from agent.llm import Budget, Client, Ledger, OwnAccounts, cost_of, window_of
from agent.llm.budget import worst_case
from agent.llm.reply_limit import DEFAULT_REPLY
from agent.records import Reply, Usage
from tests.llm.helpers import Desk, FakeModel, make_call, make_request, purse, run


def answer(tokens: int) -> Reply:
    return Reply("好。", usage=Usage(10, 0, tokens))


def test_a_call_that_could_break_the_cap_is_not_sent(tmp_path: Path) -> None:
    model = FakeModel([answer(50)])
    desk = Desk(tmp_path / "l.db", model, options={"budget": Budget(cap_tokens=120)})
    desk.ask(make_request())
    error = desk.fails(make_request("a/c", "再来"))
    assert isinstance(error, BudgetReached)
    assert "60 tokens spent" in str(error)
    assert "a/c" in str(error)
    assert "120" in str(error)
    assert len(model.calls) == 1
    # What is stored costs nothing again.
    assert desk.ask(make_request())[0].text == "好。"


def test_what_was_reserved_and_not_used_is_free_again(tmp_path: Path) -> None:
    desk = Desk(
        tmp_path / "l.db",
        FakeModel([answer(1) for _ in range(5)]),
        options={"budget": Budget(cap_tokens=130)},
    )
    for number in range(5):
        desk.ask(make_request(f"a/{number}", str(number)))


def test_calls_under_way_are_waited_for_before_the_cap_counts_as_reached(tmp_path: Path) -> None:
    most = 0

    class Slow(FakeModel):
        under_way = 0

        async def send(self, call: Any, *, on_token: Callable[[int], None] | None = None) -> Reply:
            nonlocal most
            self.under_way += 1
            most = max(most, self.under_way)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.under_way -= 1
            return answer(1)

    # Room for one worst case (62 tokens) at a time, and for all five real ones.
    desk = Desk(tmp_path / "l.db", Slow([]), options={"budget": Budget(cap_tokens=120)})
    desk.ask(*(make_request(f"a/{n}", str(n)) for n in range(5)))
    assert most == 1


def test_rejected_replies_count(tmp_path: Path) -> None:
    budget, spent = purse(cap_tokens=1000)
    desk = Desk(
        tmp_path / "l.db",
        FakeModel([Reply("没有", usage=Usage(10, 0, 7)), answer(5)]),
        options={"budget": budget},
    )
    desk.ask(make_request())
    assert spent == {"a": 32}


def test_a_failed_call_gives_its_reservation_back(tmp_path: Path) -> None:
    budget, spent = purse(cap_tokens=100)

    async def main() -> None:
        for _ in range(5):
            with pytest.raises(RuntimeError):
                async with budget.reserved(make_call(), Usage(40, 0, 50)):
                    raise RuntimeError
        async with budget.reserved(make_call(), Usage(40, 0, 50)) as pay:
            pay(answer(5))

    run(main())
    assert spent == {"a": 15}


def test_a_cap_in_dollars(tmp_path: Path) -> None:
    accounts = OwnAccounts()
    budget = Budget(cap_cost=0.001, accounts=accounts)

    async def main() -> None:
        call = make_call(model="openai:gpt-5-mini")
        async with budget.reserved(call, Usage(1000, 0, 100)) as spent:
            spent(Reply("x", usage=Usage(1000, 0, 100)))
        with pytest.raises(BudgetReached, match=r"\$0\.000[45] spent.*the cap is \$0\.001"):
            async with budget.reserved(call, Usage(1000, 0, 400)):
                raise AssertionError("not reached")

    run(main())
    assert accounts.articles["a"] == pytest.approx(1000 * 0.25e-6 + 100 * 2e-6)


def test_a_cap_in_dollars_needs_a_price(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(ConfigError, match=r"openai:x@127\.0\.0\.1:1/v1"):
            async with Budget(cap_cost=1).reserved(make_call(model="openai:x@127.0.0.1:1/v1"), Usage(1)):
                raise AssertionError("not reached")
        async with Budget(cap_cost=0).reserved(make_call(model="mailbox"), Usage(10**9)) as spent:
            spent(answer(5))

    run(main())


def test_the_worst_case() -> None:
    assert worst_case(make_call(), 9) == Usage(9, 0, 50)
    assert worst_case(make_call(params={"max_completion_tokens": 8}), 9) == Usage(9, 0, 8)
    assert worst_case(make_call(params={}), 9) == Usage(9, 0, DEFAULT_REPLY)


@pytest.mark.parametrize(
    ("identity", "cost"),
    [
        # List prices, per million tokens: 0.25 in, 0.025 cached, 2.00 out.
        ("openai:gpt-5-mini", 0.25 * 0.5 + 0.025 * 0.5 + 2.0),
        ("mailbox", 0.0),
        ("replay", 0.0),
        ("openai:nobody-knows", None),
        ("openai:gpt-5-mini@127.0.0.1:8000/v1", None),
        ("openai:gpt-5-mini@example.org/v1", None),
        ("command:llm -m gpt-5-mini", None),
    ],
)
def test_prices(identity: str, cost: float | None) -> None:
    found = cost_of(identity, Usage(1_000_000, 500_000, 1_000_000))
    assert found == (None if cost is None else pytest.approx(cost))


def test_prices_of_other_vendors_are_known() -> None:
    for identity in ("openai:deepseek-chat@api.deepseek.com/v1", "anthropic:claude-sonnet-4-5"):
        assert (cost_of(identity, Usage(1000, 0, 1000)) or 0) > 0
    assert window_of("anthropic:claude-sonnet-4-5") == 200_000
    assert window_of("openai:m@127.0.0.1:1/v1") is None


def test_without_a_cap_nothing_is_counted_or_priced(tmp_path: Path) -> None:
    def price(identity: str, usage: Usage) -> float | None:
        raise AssertionError("asked for")

    async def main() -> None:
        with Ledger(tmp_path / "l.db") as ledger:
            budget = Budget(price=price)
            assert not budget.capped
            client = Client(ledger, {"default": FakeModel([answer(5)])}, budget=budget)
            assert (await client.ask(make_request())).text == "好。"

    run(main())


@pytest.mark.parametrize("name", ["deepseek-chat", "deepseek-flash", "deepseek-reasoner"])
def test_a_price_does_not_hang_on_the_hour(name: str) -> None:
    """DeepSeek's list price does: what an article costs, and where a cap stands, would change while it runs."""
    from datetime import UTC, datetime, time

    from genai_prices import Usage as Listed
    from genai_prices import calc_price

    day = datetime.now(UTC).date()
    used = Listed(input_tokens=900_000, cache_read_tokens=100_000, output_tokens=50_000)
    hourly = {
        float(
            calc_price(
                used,
                name,
                provider_id="deepseek",
                genai_request_timestamp=datetime.combine(day, time(hour, minute), UTC),
            ).total_price
        )
        for hour in range(24)
        for minute in (0, 29, 31, 59)
    }
    assert len(hourly) > 1, "the table knows of hours"
    assert cost_of(f"openai:{name}@api.deepseek.com", Usage(900_000, 100_000, 50_000)) == max(hourly)
