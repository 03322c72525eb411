"""What our own path (ledger, budget, limits, retries, events) adds to a call, beside the bare AsyncOpenAI at the same
concurrency. The two take turns, so that a busy machine is busy for both.

Prints wall time and processor time a call, and the ratio of the wall times; 0 as the exit code means it is at most
1.10. Run as ``python -m benchmarks.per_call``.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from agent.config import PriceConfig
from agent.llm import Budget, Client, Ledger, ModelSettings, Request, SharedAccounts, open_model, priced
from agent.records import Message
from benchmarks.server import Service

BAR = 1.10
SYSTEM = "你是一位数学作者。" * 100
ARTICLE = "梯度流把参数沿负梯度方向推动，步长趋于零时离散的更新收敛到它。" * 400


def question(n: int) -> str:
    return f"{ARTICLE}\n\n写第 {n} 部分。"


async def bare(base_url: str, calls: int, slots: int, salt: int) -> None:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="none", base_url=base_url, max_retries=0)
    free = asyncio.Semaphore(slots)

    async def one(n: int) -> str:
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question(n)}]
        async with free:
            stream = await client.chat.completions.create(
                model="fake",
                messages=messages,
                stream=True,
                max_tokens=4000,
                stream_options={"include_usage": True},
            )  # type: ignore[call-overload]
            parts = [c.choices[0].delta.content or "" async for c in stream if c.choices]
        return "".join(parts)

    texts = await asyncio.gather(*(one(salt + n) for n in range(calls)))
    assert all(texts)
    await client.close()


async def ours(base_url: str, calls: int, slots: int, salt: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.db") as ledger:
        model = open_model("openai:fake", ModelSettings(base_url=base_url, api_key="none"))
        price = priced({model.identity: PriceConfig(input=1.0, output=1.0)})
        accounts = SharedAccounts(Path(folder) / "spending.db", ledger, price)
        budget = Budget(cap_tokens=10**12, day_cost=10.0**9, accounts=accounts, price=price)
        client = Client(ledger, {"default": model}, budget=budget, concurrency=slots)

        async def one(n: int) -> str:
            request = Request(
                name=f"a{n % 10}/part.{n}/write",
                role="writer",
                messages=(Message("system", SYSTEM), Message("user", question(n))),
                parse=str,
                continue_prompt="",
                malformed_prompt=str,
                params={"max_tokens": 4000},
            )
            return (await client.ask(request)).text

        texts = await asyncio.gather(*(one(salt + n) for n in range(calls)))
        assert all(texts)
        await client.aclose()
        budget.close()
        assert ledger.stats().ok == calls


def timed(work: Callable[..., Awaitable[None]], *args: object) -> tuple[float, float]:
    cpu, start = time.process_time(), time.perf_counter()
    asyncio.run(work(*args))  # type: ignore[arg-type]
    return time.perf_counter() - start, time.process_time() - cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=64)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--latency", type=float, default=1.5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    walls: dict[str, list[float]] = {"bare": [], "ours": []}
    cpus: dict[str, list[float]] = {"bare": [], "ours": []}
    with Service(latency=options.latency, first=options.latency / 5) as service:
        # What is loaded once (SDK, token table) is no part of a call.
        for work in (bare, ours):
            timed(work, service.base_url, 2, 2, 10**6)
        for turn in range(options.rounds):
            for name, work in (("bare", bare), ("ours", ours)):
                wall, cpu = timed(work, service.base_url, options.calls, options.slots, turn * options.calls)
                walls[name].append(wall)
                cpus[name].append(cpu)
    least = options.latency * options.calls / options.slots
    print(f"{options.calls} calls of {len(SYSTEM) + len(question(0)):,} characters, {options.slots} at a time, "
          f"{options.latency:g} s each (least possible {least:.2f} s), best of {options.rounds}")  # fmt: skip
    print("| | wall s | CPU ms a call |\n|---|---|---|")
    for name in walls:
        print(f"| {name} | {min(walls[name]):.2f} | {min(cpus[name]) / options.calls * 1000:.1f} |")
    ratio = min(walls["ours"]) / min(walls["bare"])
    print(f"\nwall time ÷ bare AsyncOpenAI: {ratio:.3f} (bar {BAR})")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    raise SystemExit(main())
