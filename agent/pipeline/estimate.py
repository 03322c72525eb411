"""What a run will take, before it starts.

The shape is that of the call graph: three planning calls; per pack a write, a referee pass and 0.9 repairs;
witnesses and experiments; a third of the packs deepened; two closing calls. The figures per call come from a
full article measured call by call (35 parts, 1,171 planned lines: 89 calls).
"""

from __future__ import annotations

from math import ceil
from typing import Any

from agent.article import read
from agent.config import Config
from agent.llm import cost_of
from agent.measure import measure
from agent.records import Targets, Usage

LINES_PER_PACK = 62
SYSTEM_TOKENS = 2_500
"""System message and the template of a call."""
TABLE_TOKENS_PER_LINE = 4.5
"""Tokens that each planned line adds to the shared tables (reading, facts, division)."""
REPLY_TOKENS_PER_LINE = 55


def estimate(data: bytes, name: str, targets: Targets, config: Config) -> dict[str, Any]:
    """Calls, tokens and cost (None where the price is unknown) of expanding one article."""
    article = read(data, name)
    now = measure(article)
    lines = max(0, targets.lines - (0 if targets.added else now.lines))
    packs = max(1, ceil(lines / LINES_PER_PACK))
    per_pack = 1 + (1.9 if config.loop.referee else 0.5) + 0.35
    experiments = min(3, ceil(lines / 350)) if config.lab.enabled else 0
    witnesses = ceil(lines / 120) if config.lab.enabled else 0
    calls = 3 + ceil(packs * per_pack) + 2 * experiments + witnesses + 2
    prefix = SYSTEM_TOKENS + len(article.text) * 0.75 + lines * TABLE_TOKENS_PER_LINE
    completion = round(lines * REPLY_TOKENS_PER_LINE + 9_000)
    prompt = round(calls * prefix)
    usage = Usage(prompt=prompt, cached=round(prompt * 0.8), completion=completion)
    spec = config.spec_for("writer")
    identity = f"openai:{config.model.name}" if spec == "auto" else spec
    return {
        "calls": calls,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cost": cost_of(identity, usage),
        "model": identity,
    }
