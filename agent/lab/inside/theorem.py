"""A statement handed to ``w.prove``: tried on samples as a function of numbers, read off as a function of terms."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from .conditions import conditions
from .graph import Fact, Need, Node, Way, evaluated, holding, said, written
from .raised import Bad
from .samples import generic
from .terms import Record, Relation, Term, Untranslatable

SAMPLES = 40
TRIES = 4000
REJECTED = 40
"""Points outside the hypotheses that are kept, to compare both readings there too."""
RTOL = 1e-9
ROUNDING = 1e-12
"""Relative to the largest number met on the way."""
TIGHT = 1e-9
SHOWN = 240

Side = tuple[str, float, float]


@dataclass(frozen=True, slots=True)
class Sample:
    """A point, and both sides of every comparison there."""

    point: tuple[float, ...]
    hyps: tuple[Side, ...]
    concl: tuple[Side, ...] | None
    """None where the hypotheses do not hold."""


@dataclass(slots=True)
class Statement:
    names: tuple[str, ...]
    hyps: Callable[..., Any]
    concl: Callable[..., Any]
    inside: list[Sample] = field(default_factory=list)
    outside: list[Sample] = field(default_factory=list)

    @classmethod
    def of(cls, hyps: Any, concl: Any) -> Statement:
        if not (callable(hyps) and callable(concl)):
            raise Bad("prove takes two functions of the same real arguments")
        names = [_parameters(hyps), _parameters(concl)]
        if names[0] != names[1] or not names[0]:
            raise Bad(f"prove: hypotheses of ({', '.join(names[0])}), conclusion of ({', '.join(names[1])})")
        return cls(names[0], hyps, concl)

    def sampled(self, rng: np.random.Generator) -> Iterator[Sample]:
        """Up to SAMPLES points that satisfy the hypotheses, each with what the conclusion says there."""
        for point in generic(rng, len(self.names), TRIES, lambda: [s.point for s in self.inside]):
            sample = self.at(point)
            if sample.concl is not None:
                self.inside.append(sample)
                yield sample
                if len(self.inside) == SAMPLES:
                    return
            elif len(self.outside) < REJECTED:
                self.outside.append(sample)

    def at(self, point: tuple[float, ...]) -> Sample:
        relations = conditions(self.hyps(*point))
        holds = all(relations)
        return Sample(point, _sides(relations), _sides(conditions(self.concl(*point))) if holds else None)


def _parameters(function: Any) -> tuple[str, ...]:
    found = inspect.signature(function).parameters.values()
    if any(p.kind is not p.POSITIONAL_OR_KEYWORD or p.default is not p.empty for p in found):
        raise Bad("prove: functions of plain named arguments are wanted")
    return tuple(p.name for p in found)


def _sides(relations: Sequence[Relation]) -> tuple[Side, ...]:
    return tuple((relation.op, float(relation.left), float(relation.right)) for relation in relations)


@dataclass(frozen=True, slots=True)
class Theorem:
    """A statement over the reals: wherever one way of ``hyps`` holds, so does what ``concl`` says there."""

    names: tuple[str, ...]
    nodes: tuple[Node, ...]
    hyps: tuple[Way, ...]
    concl: tuple[Way, ...]
    needs: tuple[Need, ...]

    def __str__(self) -> str:
        texts = written(self.nodes)
        # ``a and b`` gives back a where a is false: no point is on that way
        ways = [(*way.given, *way.says) for way in self.hyps]
        given = [
            _said(facts, texts) for facts in ways if facts and not any(f.negated() in facts for f in facts)
        ]
        says = [
            _said(way.says, texts) + (f" where {_said(way.given, texts)}" if way.given else "")
            for way in self.concl
        ]
        text = f"for all real {', '.join(self.names)}"
        text += f" with {' or '.join(given)}" if given else ""
        text += f": {'; '.join(says)}"
        return text if len(text) <= SHOWN else text[:SHOWN] + " …"


def _said(facts: Sequence[Fact], texts: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(said(fact, texts) for fact in facts))


def read_off(statement: Statement) -> Theorem:
    """The statement as a theorem; raises Untranslatable with the reason where it is none of rational arithmetic."""
    record = Record()
    try:
        variables = record.variables(statement.names)
        hyps = record.ways(lambda: statement.hyps(*variables), conditions)
        concl = record.ways(lambda: statement.concl(*variables), conditions)
    except Untranslatable:
        raise
    except Exception as error:
        # with numbers the same functions ran to their end
        raise Untranslatable(f"{type(error).__name__}: {str(error)[:120]}") from error
    return Theorem(statement.names, tuple(record.nodes), hyps, concl, tuple(record.needs))


def at_floats(theorem: Theorem, point: Sequence[float]) -> list[Any]:
    return evaluated(theorem.nodes, dict(zip(theorem.names, point, strict=True)), float, math.sqrt)


def discrepancy(theorem: Theorem, samples: Sequence[Sample]) -> str:
    """Where the functions compute something else with numbers than with terms; "" where nowhere.

    A function that asks what it was called with betrays itself here.
    """
    for sample in samples:
        values = at_floats(theorem, sample.point)
        size = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
        for ways, sides in ((theorem.hyps, sample.hyps), (theorem.concl, sample.concl)):
            if sides is not None and not _agree(_taken(ways, values), sides, values, size):
                return f"at {at_point(theorem.names, sample.point)}"
    return ""


def _taken(ways: Sequence[Way], values: Sequence[Any]) -> Way | None:
    return next((way for way in ways if holding(way.given, values)), None)


def _agree(way: Way | None, sides: Sequence[Side], values: Sequence[Any], size: float) -> bool:
    if way is None or [fact.op for fact in way.says] != [op for op, _, _ in sides]:
        return False
    pairs = [
        (values[at], number)
        for fact, (_, left, right) in zip(way.says, sides, strict=True)
        for at, number in ((fact.left, left), (fact.right, right))
    ]
    return all(abs(a - b) <= RTOL * max(abs(a), abs(b)) + ROUNDING * size for a, b in pairs)


def identity(samples: Sequence[Sample]) -> bool:
    """Whether some comparison of the conclusion has equal sides at every sample, so that it is an equation."""
    rows = [sample.concl or () for sample in samples]
    if len({len(row) for row in rows}) != 1:
        return False
    return any(
        all(abs(a - b) <= TIGHT * max(abs(a), abs(b)) for _, a, b in column)
        for column in zip(*rows, strict=True)
    )


def assumed(samples: Sequence[Sample]) -> bool:
    """Whether a hypothesis is a comparison of the conclusion, in another arrangement or times a number."""
    rows = [(sample.hyps, sample.concl or ()) for sample in samples]
    if not rows or len({(len(hyps), len(concl)) for hyps, concl in rows}) != 1:
        return False
    given, says = (list(zip(*part, strict=True)) for part in zip(*rows, strict=True))
    return any(_proportional(a, b) for a in given for b in says)


def _proportional(given: Sequence[Side], says: Sequence[Side]) -> bool:
    pairs = [
        (_gap(a), _gap(b), max(map(abs, a[1:])), max(map(abs, b[1:])))
        for a, b in zip(given, says, strict=True)
    ]
    factor = next((gap / other for gap, other, _, _ in pairs if other), 0.0)
    return factor > 0 and all(
        abs(gap - factor * other) <= TIGHT * max(size, factor * other_size)
        for gap, other, size, other_size in pairs
    )


def _gap(side: Side) -> float:
    op, left, right = side
    return right - left if op in ("<", "<=") else left - right


def at_point(names: Sequence[str], values: Sequence[Any]) -> str:
    return ", ".join(f"{name} = {_brief(value)}" for name, value in zip(names, values, strict=True))


def _brief(value: Any) -> str:
    if isinstance(value, Fraction) and len(str(value)) <= 12:
        return str(value)
    return f"{float(value):.8g}"


def fixed(
    calls: Sequence[tuple[tuple[Any, ...], dict[str, Any]]], parameters: Sequence[str]
) -> tuple[str, ...]:
    """Arguments of ``claim`` that were no single real number: sizes, counts, arrays. They stay what they were."""
    found: dict[str, None] = {}
    for args, kwargs in calls:
        for name, value in (*zip(parameters, args, strict=False), *kwargs.items()):
            if not isinstance(value, Term):
                shown = f"{name} = {value!r}" if np.isscalar(value) else f"{name} of {np.size(value)} entries"
                found[shown] = None
    return tuple(found)
