"""One of several processes under one cap a day: asks what it is named, all at once, and says on stdout what happens.

A dollar a token, so that caps are easy to reckon with. ``ready`` is said when it has seen what was spent so far; it
goes on at the first line on stdin.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from agent.config import PriceConfig
from agent.errors import BudgetReached
from agent.llm import Budget, Client, Ledger, ModelSettings, SharedAccounts, open_model, priced
from agent.llm.model import CallEvent
from agent.records import Call
from tests.llm.helpers import make_request

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def say(*words: object) -> None:
    print(*words, flush=True)


async def main(folder: Path, base_url: str, cap: float, names: list[str]) -> None:
    model = open_model("openai:any", ModelSettings(base_url=base_url, env={}))
    price = priced({model.identity: PriceConfig(input=1e6, cached=1e6, output=1e6)})
    with Ledger(folder / "ledger.db", now=lambda: NOON) as ledger:
        accounts = SharedAccounts(folder / ".locks" / "spending.db", ledger, price)

        def on_wait(call: Call, full: str) -> None:
            say("waits", call.name)

        def observe(event: CallEvent) -> None:
            if event.kind == "sent":
                say("sent", event.name)

        budget = Budget(
            day_cost=cap,
            accounts=accounts,
            price=price,
            today=lambda: NOON.date().isoformat(),
            on_wait=on_wait,
        )
        client = Client(ledger, {"default": model}, budget=budget, observe=observe)
        say("ready")
        sys.stdin.readline()

        async def one(name: str) -> None:
            try:
                await client.ask(make_request(name, f"写 {name}"))
                say("done", name)
            except BudgetReached as error:
                say("refused", name, error)

        await asyncio.gather(*(one(name) for name in names))
        await client.aclose()
        budget.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4:]))
