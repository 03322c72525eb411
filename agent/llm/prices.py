"""What models cost and how much they can read, after the tables of genai-prices (offline)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any

from agent.llm.endpoints import is_local
from agent.llm.identities import Identity, split
from agent.records import Usage

Price = Callable[[str, Usage], float | None]
"""(identity, usage) → US dollars, or None where the price is unknown."""

BATCH_FACTOR = 0.5
"""Share of the list price that a call in a batch file costs, where no table says better: the discount of OpenAI's
Batch API, and of the services that copy it."""

FREE = ("mailbox", "replay", "local")
"""Vendors that send no bill."""

OWN_ENDPOINT = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google_genai": "google",
    "google_vertexai": "google",
    "mistralai": "mistral",
    "deepseek": "deepseek",
    "groq": "groq",
    "xai": "x-ai",
    "cohere": "cohere",
    "together": "together",
    "fireworks": "fireworks",
    "perplexity": "perplexity",
    "bedrock": "aws",
    "openrouter": "openrouter",
    "azure_openai": "azure",
}
"""Our vendor → the provider id of genai-prices, where the endpoint is the vendor's own."""


def cost_of(identity: str, usage: Usage) -> float | None:
    """Price of a call in US dollars at today's list price, or None where it is unknown. Of a vendor whose price
    changes with the time of day it is the dearest: one ledger costs the same whenever it is looked at, and no cap is
    broken by the clock.

    Identity is a model's (``openai:gpt-5-mini``, ``openai:deepseek-chat@api.deepseek.com/v1``). ``mailbox``,
    ``replay`` and ``local`` cost nothing.
    """
    model = split(identity)
    if model.vendor in FREE:
        return 0.0
    where = _provider(model)
    if where is None:
        return None
    used = {
        "input_tokens": usage.prompt,
        "cache_read_tokens": usage.cached,
        "cache_write_tokens": usage.written,
        "output_tokens": usage.completion,
    }
    try:
        full = _listed(model.name, where, used)
        if not usage.batched:
            return full
        batched = _listed(model.name, where, used, processing="batch")
    except (LookupError, ValueError):
        return None
    # The table gives the full price where it knows no other.
    return batched if batched < full else full * BATCH_FACTOR


def _listed(name: str, where: Mapping[str, Any], used: Mapping[str, int], **context: str) -> float:
    from genai_prices import Usage, calc_price

    found = calc_price(
        Usage(**used),
        name,
        price_context=context or None,
        genai_request_timestamp=_dearest(name, *where.items(), day=datetime.now(UTC).date()),
        **where,
    )
    return float(found.total_price)


@lru_cache(maxsize=64)
def _dearest(name: str, *where: tuple[str, Any], day: date) -> datetime:
    """The time of a day at which a model costs most, to within an hour; the earliest of several."""
    from genai_prices import Usage, calc_price

    some = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
    hours = [datetime.combine(day, time(hour, 45), UTC) for hour in range(24)]
    return max(
        hours, key=lambda at: calc_price(some, name, genai_request_timestamp=at, **dict(where)).total_price
    )


def priced(own: Mapping[str, Any]) -> Price:
    """Prices with some set by hand: identity → an object with ``input``, ``cached``, ``written`` and ``output``, US
    dollars a million tokens. ``cached`` or ``written`` None: as input."""

    def price(identity: str, usage: Usage) -> float | None:
        mine = own.get(identity) or own.get(split(identity).public)
        if mine is None:
            return cost_of(identity, usage)
        cached = mine.input if mine.cached is None else mine.cached
        written = mine.input if mine.written is None else mine.written
        fresh = usage.prompt - usage.cached - usage.written
        prompt = fresh * mine.input + usage.cached * cached + usage.written * written
        full = float(prompt + usage.completion * mine.output) / 1e6
        return full * BATCH_FACTOR if usage.batched else full

    return price


def window_of(identity: str) -> int | None:
    """Context window in tokens, or None where it is unknown."""
    model = split(identity)
    where = _provider(model)
    if where is None:
        return None
    from genai_prices import Usage as Priced
    from genai_prices import calc_price

    try:
        return calc_price(Priced(input_tokens=1), model.name, **where).model.context_window
    except (LookupError, ValueError):
        return None


def _provider(model: Identity) -> dict[str, Any] | None:
    """How genai-prices is told the provider: by id, or by address for an endpoint that is not the
    vendor's."""
    if model.endpoint and is_local(f"http://{model.endpoint}"):
        return None
    if model.endpoint:
        return {"provider_api_url": f"https://{model.endpoint}"}
    return {"provider_id": OWN_ENDPOINT[model.vendor]} if model.vendor in OWN_ENDPOINT else None
