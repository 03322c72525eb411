"""What runs really took, beside what `agent.pipeline.estimate` makes of their articles: the factor to expect of the next
one, and how far it may be off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, pi, sqrt, tan
from pathlib import Path
from statistics import NormalDist, fmean, stdev
from typing import Any, Literal

from agent.article import strip
from agent.errors import ExpandError
from agent.llm import Paid
from agent.plan import Plan, targets_for
from agent.records import Targets
from agent.workspace import Workspace

Quantity = Literal["calls", "prompt", "completion"]
ENOUGH = 3
"""Articles of a workspace from which they speak for themselves; until then those that were recorded are counted in."""
RECENT = 20
"""Articles that are looked at, the last ones: more would not tell more, and each is a file to read."""
SHARE = 0.8
"""Of articles like these, so many are expected to stay within the range."""
LEAST_SPREAD = 0.1
"""Standard deviation of the logarithm, however much alike the articles were."""


@dataclass(frozen=True, slots=True)
class Run:
    """One article that was expanded: what it asked for, and what it took."""

    lines: int
    """That were missing."""
    characters: int
    calls: int
    prompt: int
    """Tokens."""
    completion: int

    def took(self, what: Quantity) -> int:
        return int(getattr(self, what))


RECORDED = (
    Run(892, 6124, 109, 1_581_558, 120_041),
    Run(272, 7230, 51, 568_298, 47_242),
    Run(823, 14518, 78, 1_139_402, 64_945),
)
"""Articles that grew from 108 to 2310 lines (the recording that ships), 178 to 1159 and 177 to 1700, with the settings
that ship; their usage is our own count."""


@dataclass(frozen=True, slots=True)
class Range:
    """Factors on what the shape of an article says."""

    low: float
    middle: float
    high: float


def expected(ratios: Sequence[float]) -> Range:
    """What to expect after these ratios of real to estimated (two at least).

    Ratios are taken to be log-normal. The middle is their geometric mean, low and high bound the prediction interval of
    one more: mean ± t·s·√(1 + 1/n) of the logarithms (Hahn and Meeker, Statistical Intervals, 1991, chapter 4).
    """
    logs = [log(r) for r in ratios]
    mean, n = fmean(logs), len(logs)
    wide = student((1 + SHARE) / 2, n - 1) * max(stdev(logs), LEAST_SPREAD) * sqrt(1 + 1 / n)
    return Range(exp(mean - wide), exp(mean), exp(mean + wide))


def student(probability: float, freedom: int) -> float:
    """Quantile of Student's t, by its expansion around the normal one (Abramowitz and Stegun 26.7.5); from one degree
    of freedom on, and exact there (the Cauchy distribution's is a tangent)."""
    if freedom == 1:
        return tan(pi * (probability - 0.5))
    x, v = NormalDist().inv_cdf(probability), freedom
    terms = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
    )
    return x + sum(term / float(v) ** power for power, term in enumerate(terms, 1))


@dataclass(frozen=True, slots=True)
class Experience:
    """The runs that an estimate goes by."""

    own: tuple[Run, ...] = ()
    """Of this workspace."""

    @property
    def recorded(self) -> tuple[Run, ...]:
        return () if len(self.own) >= ENOUGH else RECORDED

    @property
    def source(self) -> str:
        """In words, for a person."""
        mine = f"{len(self.own)} article{'s' if len(self.own) != 1 else ''} of this workspace"
        if not self.recorded:
            return f"from {mine}"
        return f"from {len(self.recorded)} recorded articles" + (f" and {mine}" if self.own else "")


def learned(ws: Workspace, rows: Sequence[Paid]) -> Experience:
    """From the event log: the articles last drafted by real calls, whose source can still be had. ``rows``: of the
    ledger."""
    replayed = {r.name.partition("/")[0] for r in rows if r.model == "replay"}
    plan, paths = ws.plan(), ws.slugs()
    found: dict[str, Run] = {}
    seen: set[str] = set()
    for event in reversed(ws.events.read()):
        if len(seen) == RECENT:
            break
        # A redo's figures are of one section only; what was asked again for a later draft counts as the article's.
        known = event.slug in seen or event.slug in replayed
        if event.kind == "drafted" and "changed" not in event.data and not known:
            seen.add(event.slug)
            run = _run(event.data, event.slug, paths.get(event.slug), plan, ws)
            if run is not None:
                found[event.slug] = run
    return Experience(tuple(found.values()))


def _run(data: Mapping[str, Any], slug: str, path: Path | None, plan: Plan, ws: Workspace) -> Run | None:
    """None where the event is of an older form, or the source is another one by now."""
    source = None if path is None else _source(path)
    if source is None or hashlib.sha256(source).hexdigest() != data.get("sha256"):
        return None
    try:
        wanted = next(t["wanted"] for t in data["targets"] if t["name"] == "lines")
        added = targets_for(plan.find(slug), ws.config.targets).added
        missing = missing_lines(Targets(wanted, 0, added), data["before"]["lines"])
        tokens = data["tokens"]
        run = Run(missing, len(source.decode()), data["calls"], tokens["prompt"], tokens["completion"])
    except (KeyError, TypeError, StopIteration, UnicodeDecodeError):
        return None
    return run if min(run.calls, run.prompt, run.completion) > 0 else None


def _source(path: Path) -> bytes | None:
    try:
        return strip(path.read_bytes())
    except (OSError, ExpandError):
        return None


def missing_lines(targets: Targets, there: int) -> int:
    """Lines an article lacks of its target."""
    return max(0, targets.lines - (0 if targets.added else there))
