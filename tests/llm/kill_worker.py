"""A run that is killed: asks eight questions through the client, two at a time, and prints the answers."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from agent.llm import Client, Ledger, ModelSettings, open_model
from tests.llm.helpers import make_request

NAMES = [f"art/{n}" for n in range(8)]


async def main(ledger_path: Path, base_url: str) -> None:
    settings = ModelSettings(base_url=base_url, env={})
    with Ledger(ledger_path) as ledger:
        client = Client(ledger, {"default": open_model("openai:any", settings)}, concurrency=2)
        answers = await asyncio.gather(*(client.ask(make_request(name, f"写 {name}")) for name in NAMES))
        await client.aclose()
    for answer in answers:
        print(answer.text)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
