"""What a run will take, before it starts.

The shape is that of the call graph: three planning calls; per pack a write, a referee pass, 0.9 repairs and half a
later pass (seam, deepening); programs for the experiments, witnesses for the outline's formulas and for about half of
the packs; two closing calls. Its figures come from one full article, measured call by call; how far real runs were off,
and so the range that is stated, is what `agent.pipeline.experience` knows: of recorded runs, and of this workspace's
own once it has some. Time is that of the longest chain of calls that wait for each other, or that of all calls over the
slots, whichever is longer; how long a call takes is what the ledger says of this model, and a stated guess before it
says anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from agent.article.text import decode
from agent.config import Config
from agent.llm import Paid, Price, identity_of, priced
from agent.pipeline.experience import Experience, Quantity, Range, Run, expected, missing_lines
from agent.pipeline.models import AUTO, settings
from agent.records import Targets, Usage

LINES_PER_PACK = 62
LAST_CALLS = 2
"""Opening map and summary."""
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
SECONDS_A_ROUND = 3600.0
"""Of a batch file, before the ledger knows better: services promise a day, and mostly take an hour or less."""
CACHED = 0.8
"""Share of the prompts that a vendor with a cache serves from it; of batch files nothing is said about it, and none is
counted on."""
QUANTITIES: tuple[Quantity, ...] = ("calls", "prompt", "completion")
LOW, MIDDLE, HIGH = range(3)
ENOUGH = 5
"""Calls in the ledger from which their mean is believed."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says before a run."""

    stored: int = 0
    """Usable replies of this article, which are not paid for again."""
    seconds: float | None = None
    """Mean duration of a call of this model; None where too few are stored."""


def known(
    rows: Sequence[Paid], slugs: Iterable[str], identity: str, *, batched: bool = False
) -> dict[str, Known]:
    """From the rows of a ledger, by slug; how long a call takes, from those that went the same way."""
    same = (r for r in rows if r.usage.batched == batched)
    took = [r.seconds for r in same if r.model == identity]
    pace = sum(took) / len(took) if len(took) >= ENOUGH else None
    stored = Counter(r.name.partition("/")[0] for r in rows if r.status == "ok")
    return {slug: Known(stored[slug], pace) for slug in slugs}


@dataclass(frozen=True, slots=True)
class Size:
    """What an estimate asks of an article."""

    lines: int
    """Newline-terminated."""
    chars: int

    @classmethod
    def of(cls, data: bytes, name: str) -> Size:
        """Raises NotUtf8."""
        return cls(data.count(b"\n"), len(decode(data, name)))


@dataclass(frozen=True, slots=True)
class Shape:
    """What one article takes, whoever writes it."""

    calls: int
    prompt: int
    """Tokens."""
    completion: int


def shape(size: Size, targets: Targets, config: Config) -> Shape:
    return shape_of(missing_lines(targets, size.lines), size.chars, config)


def shape_of(lines: int, characters: int, config: Config) -> Shape:
    """Of an article of so many characters, which lacks so many lines."""
    experiments = min(5, ceil(lines / 180)) if config.lab.enabled else 0
    packs = max(1, ceil(lines / LINES_PER_PACK)) + experiments
    programs = experiments + (ceil(lines / 180) if config.lab.enabled else 0)
    calls = 3 + ceil(calls_of_parts(packs, config) + programs) + LAST_CALLS
    prefix = SYSTEM_TOKENS + characters * 0.75 + lines * TABLE_TOKENS_PER_LINE
    return Shape(calls, round(calls * prefix), round(lines * REPLY_TOKENS_PER_LINE + PLANNING_TOKENS))


def calls_of_parts(parts: int, config: Config) -> float:
    """Written, refereed or read for form, repaired; some deepened, some witnessed."""
    return parts * (1 + (1.9 if config.loop.referee else 0.5) + 0.5 + (0.45 if config.lab.enabled else 0))


def factors(what: Quantity, experience: Experience, config: Config) -> Range:
    """How much more or less than their shape articles took."""

    def ratio(run: Run, config: Config) -> float:
        said: int = getattr(shape_of(run.lines, run.characters, config), what)
        return run.took(what) / said

    recorded = [ratio(run, Config()) for run in experience.recorded]
    return expected([*recorded, *(ratio(run, config) for run in experience.own)])


def estimate(
    size: Size,
    targets: Targets,
    config: Config,
    *,
    spec: str | None = None,
    before: Known = Known(),
    experience: Experience | None = None,
    batched: bool = False,
) -> dict[str, Any]:
    """Calls, tokens, seconds and cost (None where the price is unknown) of expanding one article afresh. ``batched``:
    its calls go in files, at their price and pace.

    ``range`` holds for each of them the bounds within which four of five articles stay. At the upper bound of the cost
    nothing of the prompts is served from a cache.
    """
    need, experience = shape(size, targets, config), experience or Experience()
    calls, prompt, completion = (
        _times(getattr(need, what), factors(what, experience, config)) for what in QUANTITIES
    )
    identity = writer_identity(config, spec)
    guess = SECONDS_A_ROUND if batched else SECONDS_A_CALL
    each = guess if before.seconds is None else before.seconds
    slots, price = max(1, config.loop.concurrency), price_of(config)
    served = 0.0 if batched else CACHED

    def cost(at: int, cached: float) -> float | None:
        tokens = Usage(prompt[at], round(prompt[at] * cached), completion[at], batched=batched)
        return price(identity, tokens)

    def seconds(at: int) -> int:
        return round(duration(calls[at], each, slots, config, prompt[at] + completion[at]))

    bounds = (cost(LOW, served), cost(HIGH, 0.0))
    return {
        "calls": calls[MIDDLE],
        "stored": before.stored,
        "prompt_tokens": prompt[MIDDLE],
        "completion_tokens": completion[MIDDLE],
        "cost": cost(MIDDLE, served),
        "seconds_a_call": round(each, 3),
        "measured": before.seconds is not None,
        "seconds": seconds(MIDDLE),
        "range": {
            "calls": [calls[LOW], calls[HIGH]],
            "prompt_tokens": [prompt[LOW], prompt[HIGH]],
            "completion_tokens": [completion[LOW], completion[HIGH]],
            "cost": None if None in bounds else list(bounds),
            "seconds": [seconds(LOW), seconds(HIGH)],
        },
        "from": {
            "recorded": len(experience.recorded),
            "workspace": len(experience.own),
            "text": experience.source,
        },
        "model": identity,
    }


def _times(said: int, by: Range) -> tuple[int, int, int]:
    """Low, middle, high."""
    return floor(said * by.low), round(said * by.middle), ceil(said * by.high)


def writer_identity(config: Config, spec: str | None) -> str:
    """The model that writes, for its price and its pace. Raises UnusableSpec for an address that is none."""
    spec = spec or config.spec_for("writer")
    return identity_of(f"openai:{config.model.name}" if spec == AUTO else spec, settings(config))


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
    ranges = [g["range"] for g in guesses]
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
        # What makes one article take more may make all: the bounds are added, not averaged out.
        "range": {
            name: _added([r[name] for r in ranges])
            for name in ("calls", "prompt_tokens", "completion_tokens", "cost")
        },
        "from": guesses[0]["from"] if guesses else None,
        "models": sorted({g["model"] for g in guesses}),
    }


def _added(bounds: Sequence[Sequence[float] | None]) -> list[float] | None:
    """Low and high of a sum; None where one is unknown."""
    known = [b for b in bounds if b is not None]
    return [round(sum(side), 4) for side in zip(*known, strict=True)] if len(known) == len(bounds) else None
