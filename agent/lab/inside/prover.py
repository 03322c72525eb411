"""From statements that held on samples to a proof, a counterexample, or the reason why there is neither."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from .child import answer
from .graph import COMPARE, Fact, evaluated, said, written
from .theorem import Statement, Theorem, assumed, at_point, discrepancy, identity

SECONDS = 5.0
"""For all theorems of a witness together; small ones take hundredths."""
START = 2.0
"""For loading Z3 on a busy machine."""
DIGITS = 80
"""In which a counterexample with roots is computed again."""
EQUAL = Fraction(1, 10**40)
CONTRADICTION = "the hypotheses contradict one another"
DIFFERS = "prove: the functions compute something else with symbols than with numbers"

Found = Literal["none", "proved", "refuted", "vacuous", "suspect", "open"]


@dataclass(frozen=True, slots=True)
class Proof:
    found: Found = "none"
    """none: nothing was to be proved; open: neither proved nor refuted."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One statement of one trial as a theorem, or why it is none."""

    statement: Statement
    theorem: Theorem | None
    problem: str = ""
    fixed: tuple[str, ...] = ()
    """Arguments of claim that the theorem holds fixed."""


def settle(readings: Sequence[Reading], seconds: float) -> Proof:
    """What becomes of the statements of all trials together, within ``seconds``."""
    if not readings:
        return Proof()
    for reading in readings:
        samples = [*reading.statement.inside, *reading.statement.outside]
        where = discrepancy(reading.theorem, samples) if reading.theorem else ""
        if where:
            return Proof("suspect", f"{DIFFERS}, {where}")
    empty = next((r for r in readings if not r.statement.inside), None)
    if any(assumed(reading.statement.inside) for reading in readings):
        return Proof("vacuous", "a hypothesis is the conclusion itself")
    problem = _unfit(readings) if empty is None else ""
    if problem:
        return Proof("open", problem)
    theorems = {r.theorem: r.statement for r in ([empty] if empty else readings) if r.theorem is not None}
    replies = _ask(list(theorems), seconds)
    if empty is not None:
        return _vacuous(replies)
    found = [_judged(*pair, reply) for pair, reply in zip(theorems.items(), replies, strict=True)]
    for wanted in ("vacuous", "suspect", "refuted", "open"):
        for proof in found:
            if proof.found == wanted:
                return proof
    return Proof("proved", f"by Z3, {'; '.join(dict.fromkeys(proof.note for proof in found))}")


def _unfit(readings: Sequence[Reading]) -> str:
    """Why a statement is nothing to ask Z3 about."""
    for reading in readings:
        if reading.theorem is None:
            return f"no proof: not read as arithmetic over the reals: {reading.problem}"
        if identity(reading.statement.inside):
            return "no proof: both sides are equal everywhere, and an equation needs an independent route"
    return ""


def _vacuous(replies: Sequence[dict[str, Any]]) -> Proof:
    if replies and replies[0]["found"] == "contradiction":
        return Proof("vacuous", CONTRADICTION)
    return Proof(
        "vacuous",
        "no point drawn satisfies the hypotheses: solve equations among them for one of the variables",
    )


def _ask(theorems: Sequence[Theorem], seconds: float) -> list[dict[str, Any]]:
    """One reply a theorem; in a process of its own, that no theorem can hold up the witness."""
    if importlib.util.find_spec("z3") is None:
        return [{"found": "unknown", "detail": "z3-solver is not installed"}] * len(theorems)
    each = max(0.1, (seconds - START) / max(1, len(theorems)))

    def work() -> bytes:
        from .solver import ask

        return json.dumps([ask(theorem, each) for theorem in theorems]).encode()

    data = answer(work, seconds)
    try:
        replies = json.loads(data or b"")
    except ValueError:
        why = "Z3 was stopped at the time limit" if data is None else "Z3 did not come back"
        replies = [{"found": "unknown", "detail": why}] * len(theorems)
    return list(replies)


def _judged(theorem: Theorem, statement: Statement, reply: dict[str, Any]) -> Proof:
    match reply["found"]:
        case "proved":
            return Proof("proved", str(theorem))
        case "contradiction":
            return Proof("vacuous", CONTRADICTION)
        case "unknown":
            return Proof("open", f"no proof: {reply['detail']}")
    point = [Fraction(value) for value in reply["point"]]
    where = at_point(theorem.names, point)
    if reply["found"] == "undefined":
        missing = said(theorem.needs[int(reply["need"])].fact, written(theorem.nodes))
        return Proof("open", f"no proof: {missing} does not follow from the hypotheses: not at {where}")
    failed = failing(theorem, point, exact=bool(reply["exact"]))
    if not failed:
        return Proof("open", f"no proof: Z3 gives {where}, which computed again is no counterexample")
    if _differs_there(theorem, statement, point):
        return Proof("suspect", f"{DIFFERS}, at {where}")
    return Proof("refuted", f"prove, at {where}: {failed}; found by Z3, computed again")


def _differs_there(theorem: Theorem, statement: Statement, point: Sequence[Fraction]) -> bool:
    try:
        return bool(discrepancy(theorem, [statement.at(tuple(map(float, point)))]))
    except Exception:
        # too large or too small for floats: what was computed exactly stands
        return False


def failing(theorem: Theorem, point: Sequence[Fraction], *, exact: bool) -> str:
    """The comparison that fails at a point where the hypotheses hold, with its values; "" where none does.

    In fractions where there are no roots, else in DIGITS digits. Where the point was rounded or roots are taken,
    a difference below EQUAL counts as none.
    """
    import mpmath

    with mpmath.workdps(DIGITS):
        rooted = any(node.op == "sqrt" for node in theorem.nodes)
        number, root = (_real, mpmath.sqrt) if rooted else (Fraction, mpmath.sqrt)
        there = {name: number(value) for name, value in zip(theorem.names, point, strict=True)}
        values = evaluated(theorem.nodes, there, number, root)
        least = EQUAL if rooted or not exact else 0

        def sides(fact: Fact) -> tuple[Any, Any]:
            a, b = values[fact.left], values[fact.right]
            return (a, a) if abs(a - b) <= least * max(1, abs(a), abs(b)) else (a, b)

        def holds(fact: Fact) -> bool:
            return bool(COMPARE[fact.op](*sides(fact)))

        if not any(all(map(holds, (*way.given, *way.says))) for way in theorem.hyps):
            return ""
        for way in theorem.concl:
            if all(map(holds, way.given)):
                return next((_shown(theorem, fact, sides(fact)) for fact in way.says if not holds(fact)), "")
    return ""


def _real(value: Fraction) -> Any:
    import mpmath

    return mpmath.mpf(value.numerator) / value.denominator


def _shown(theorem: Theorem, fact: Fact, sides: tuple[Any, Any]) -> str:
    left, right = (f"{float(value):.8g}" for value in sides)
    return f"{said(fact, written(theorem.nodes))} reads {left} {fact.op} {right}"
