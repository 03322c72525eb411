"""What a run will take, before it starts.

The shape is that of the call graph: three planning calls; per pack a write, a referee pass, 0.9 repairs and half a
later pass (seam, deepening); programs for the experiments, witnesses for the outline's formulas and for about half of
the packs; two closing calls. The figures come from one full article, target 1,000 lines, measured call by call: 19
packs, 5 experiments, 89 calls, 1.37 million prompt and 107,000 reply tokens (writers write more than they are asked
for). Another model or another article may well be a third off either way. Time is that of the longest chain of
calls that wait for each other, or that of all calls over the slots, whichever is longer; how long a call takes is
what the ledger says of this model, and a stated guess before it says anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from agent.article import Article, read
from agent.config import Config
from agent.llm import Price, Row, priced
from agent.measure import measure
from agent.records import Targets, Usage

LINES_PER_PACK = 62
SYSTEM_TOKENS = 2_500
"""System message and the template of a call."""
TABLE_TOKENS_PER_LINE = 9.0
"""Tokens that each planned line adds to the shared tables (reading, facts, division)."""
REPLY_TOKENS_PER_LINE = 105
"""Of a planned line: text, reviews, repairs and programs."""
PLANNING_TOKENS = 15_000
"""Replies of the planning calls."""
CHAIN = 13
"""Calls of an article that wait for each other: reading, outline, witnesses and their repair, a program and its
repair, division, a part, its referee and two repairs, a seam, the closing."""
SECONDS_A_CALL = 20.0
"""Before the ledger knows better: about 1,000 reply tokens at 60 a second, and a start."""
PLACELESS = ("mailbox", "replay")
"""Vendors whose models have no name of their own; see `agent.llm.model.Model.identity`."""
ENOUGH = 5
"""Calls in the ledger from which their mean is believed."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says before a run."""

    stored: int = 0
    """Usable replies of this article, which are not paid for again."""
    seconds: float | None = None
    """Mean duration of a call of this model; None where too few are stored."""


def known(rows: Sequence[Row], slug: str, identity: str) -> Known:
    """From the rows of a ledger."""
    took = [r.seconds for r in rows if r.model.partition("@")[0] == identity]
    stored = sum(r.name.startswith(f"{slug}/") and r.status == "ok" for r in rows)
    return Known(stored, sum(took) / len(took) if len(took) >= ENOUGH else None)


@dataclass(frozen=True, slots=True)
class Shape:
    """What one article takes, whoever writes it."""

    calls: int
    prompt: int
    """Tokens."""
    completion: int


def shape(article: Article, targets: Targets, config: Config) -> Shape:
    lines = max(0, targets.lines - (0 if targets.added else measure(article).lines))
    experiments = min(5, ceil(lines / 180)) if config.lab.enabled else 0
    packs = max(1, ceil(lines / LINES_PER_PACK)) + experiments
    written = packs * (1 + (1.9 if config.loop.referee else 0.5) + 0.5)
    programs = experiments + (ceil(lines / 180) + 0.45 * packs if config.lab.enabled else 0)
    calls = 3 + ceil(written + programs) + 2
    prefix = SYSTEM_TOKENS + len(article.text) * 0.75 + lines * TABLE_TOKENS_PER_LINE
    return Shape(calls, round(calls * prefix), round(lines * REPLY_TOKENS_PER_LINE + PLANNING_TOKENS))


def estimate(
    data: bytes,
    name: str,
    targets: Targets,
    config: Config,
    *,
    spec: str | None = None,
    before: Known = Known(),
) -> dict[str, Any]:
    """Calls, tokens, seconds and cost (None where the price is unknown) of expanding one article afresh."""
    need = shape(read(data, name), targets, config)
    usage = Usage(prompt=need.prompt, cached=round(need.prompt * 0.8), completion=need.completion)
    identity = identity_of(config, spec)
    each = SECONDS_A_CALL if before.seconds is None else before.seconds
    slots, tokens = max(1, config.loop.concurrency), need.prompt + need.completion
    return {
        "calls": need.calls,
        "stored": before.stored,
        "prompt_tokens": need.prompt,
        "completion_tokens": need.completion,
        "cost": price_of(config)(identity, usage),
        "seconds_a_call": round(each, 3),
        "measured": before.seconds is not None,
        "seconds": round(duration(need.calls, each, slots, config, tokens)),
        "model": identity,
    }


def identity_of(config: Config, spec: str | None) -> str:
    """The model that writes, for its price and its pace."""
    spec = spec or config.spec_for("writer")
    if spec == "auto":
        return f"openai:{config.model.name}"
    vendor = spec.partition(":")[0]
    return vendor if vendor in PLACELESS else spec


def price_of(config: Config) -> Price:
    return priced(config.prices.models)


def duration(calls: int, each: float, slots: int, config: Config, tokens: int) -> float:
    """Seconds of so many calls: the longest chain, the slots or a limit a minute, whichever is slowest."""
    rpm, tpm = config.limits.rpm, config.limits.tpm
    return max(
        min(CHAIN, calls) * each,
        calls * each / slots,
        60 * calls / rpm if rpm else 0,
        60 * tokens / tpm if tpm else 0,
    )


def total(rows: Sequence[Mapping[str, Any]], slots: int, config: Config) -> dict[str, Any]:
    """The sum over several articles that are written side by side."""
    guesses = [row["estimate"] for row in rows]
    calls, prompt, completion = (
        sum(g[name] for g in guesses) for name in ("calls", "prompt_tokens", "completion_tokens")
    )
    costs = [g["cost"] for g in guesses]
    work = sum(g["calls"] * g["seconds_a_call"] for g in guesses)
    each = work / calls if calls else 0.0
    return {
        "articles": len(guesses),
        "calls": calls,
        "stored": sum(g["stored"] for g in guesses),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cost": None if None in costs else round(sum(costs), 4),
        "slots": slots,
        "seconds": round(duration(calls, each, slots, config, prompt + completion)),
        "models": sorted({g["model"] for g in guesses}),
    }
