"""A cap on tokens or money, kept before a call is made rather than noticed after."""

from __future__ import annotations

from collections.abc import Callable

from agent.records import Usage


def cost_of(identity: str, usage: Usage) -> float | None:
    """Price of a call in US dollars after genai-prices' table, or None where the price is unknown.

    ``mailbox`` and ``replay`` cost nothing; an endpoint that is not the vendor's own is priced only where
    the table knows it.
    """
    raise NotImplementedError


class Budget:
    """What a run may spend. Answers read from the ledger cost nothing again.

    Give a cap in tokens, in US dollars, or both. Raises ConfigError where a cap in dollars is asked for and the
    model's price is unknown.
    """

    def __init__(
        self,
        *,
        cap_tokens: int | None = None,
        cap_cost: float | None = None,
        price: Callable[[str, Usage], float | None] = cost_of,
    ) -> None:
        raise NotImplementedError
