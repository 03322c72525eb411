"""Real arithmetic written down: a witness's function is called with terms, and what it computes is read off.

Where the function branches on a comparison of terms (``if``, ``min``, ``abs``, ``and``) it is called again for the
other way, so that all ways together say what it does everywhere. What is not rational arithmetic or a root ends with
Untranslatable.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np

from .graph import COMPARE, Fact, Need, Node, Way

NODES = 2000
WAYS = 64
DECISIONS = 64
POWER = 64
DIGITS = 12
"""A float of no more digits is the decimal it is written as."""
DENOMINATOR = 10_000
"""Other floats are taken for the fraction they round, up to this denominator: 1/3 for 0.333…"""


class Untranslatable(Exception):
    """The function does something that a formula over the reals does not say."""


@dataclass(slots=True)
class Record:
    """Nodes, each once, and what they need; filled while functions run on its terms."""

    nodes: list[Node] = field(default_factory=list)
    needs: dict[Need, None] = field(default_factory=dict)
    _places: dict[Node, int] = field(default_factory=dict)
    _decided: list[Fact] = field(default_factory=list)
    _choices: tuple[bool, ...] = ()
    _open: list[tuple[bool, ...]] = field(default_factory=list)

    def variables(self, names: Sequence[str]) -> list[Term]:
        return [Term(self, self.place(Node("var", (), name))) for name in names]

    def ways(
        self, function: Callable[[], Any], facts: Callable[[Any], Sequence[Relation]]
    ) -> tuple[Way, ...]:
        """Every way through ``function``; ``facts`` reads the comparisons off what it returns."""
        found: list[Way] = []
        self._open = [()]
        while self._open:
            self._choices, self._decided = self._open.pop(), []
            says = tuple(self.fact(relation) for relation in facts(function()))
            found.append(Way(tuple(self._decided), says))
            if len(found) > WAYS:
                raise Untranslatable("too many branches")
        return tuple(found)

    def decide(self, relation: Relation) -> bool:
        """Which way to go: as on an earlier visit, else the true one first."""
        fact = self.fact(relation)
        left, right = self.nodes[fact.left], self.nodes[fact.right]
        if left.op == right.op == "num":
            return bool(COMPARE[fact.op](left.value, right.value))
        for truth, known in ((True, fact), (False, fact.negated())):
            if known in self._decided:
                return truth
        at = len(self._decided)
        if at >= DECISIONS:
            raise Untranslatable("branches without end")
        if at == len(self._choices):
            self._open.append((*self._choices, False))
            self._choices = (*self._choices, True)
        truth = self._choices[at]
        self._decided.append(fact if truth else fact.negated())
        return truth

    def fact(self, relation: Relation) -> Fact:
        return Fact(relation.op, self.lift(relation.left), self.lift(relation.right))

    def lift(self, value: Any) -> int:
        if isinstance(value, Term):
            return value.at
        return self.place(Node("num", (), exact(value)))

    def place(self, node: Node) -> int:
        if node not in self._places:
            if len(self.nodes) >= NODES:
                raise Untranslatable("too long a computation")
            self._places[node] = len(self.nodes)
            self.nodes.append(node)
        return self._places[node]

    def need(self, op: str, at: int) -> None:
        if self.nodes[at].op != "num":
            self.needs[Need(Fact(op, at, self.lift(0)), tuple(self._decided))] = None

    # -- operations
    def sum(self, a: int, b: int) -> int:
        return self._folded("+", a, b, operator.add)

    def product(self, a: int, b: int) -> int:
        return self._folded("*", a, b, operator.mul)

    def quotient(self, a: int, b: int) -> int:
        if self.nodes[b] == Node("num", (), Fraction(0)):
            raise Untranslatable("a division by 0")
        self.need("!=", b)
        return self._folded("/", a, b, operator.truediv)

    def _folded(self, op: str, a: int, b: int, compute: Callable[[Any, Any], Any]) -> int:
        left, right = self.nodes[a], self.nodes[b]
        if left.op == right.op == "num":
            return self.place(Node("num", (), compute(left.value, right.value)))
        return self.place(Node(op, (a, b)))

    def root(self, a: int) -> int:
        self.need(">=", a)
        return self.place(Node("sqrt", (a,)))

    def power(self, a: int, exponent: Fraction) -> int:
        halves = exponent * 2
        if halves.denominator != 1 or abs(exponent) > POWER:
            raise Untranslatable(f"the power {exponent}")
        if exponent < 0:
            return self.quotient(self.lift(1), self.power(a, -exponent))
        if exponent.denominator == 2:
            a, exponent = self.root(a), halves
        if exponent == 0:
            return self.lift(1)
        return a if exponent == 1 else self.place(Node("pow", (a,), int(exponent)))


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """A comparison of numbers or of terms, with both sides kept."""

    op: str
    left: Any
    right: Any

    def __bool__(self) -> bool:
        for side in (self.left, self.right):
            if isinstance(side, Term):
                return side.record.decide(self)
        return bool(COMPARE[self.op](self.left, self.right))


def _operation(name: str, *, swapped: bool = False) -> Callable[[Term, Any], Any]:
    def operate(self: Term, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            # numpy takes it from here, entry by entry
            return NotImplemented
        a, b = self.at, self.record.lift(other)
        return Term(self.record, getattr(self.record, name)(*((b, a) if swapped else (a, b))))

    return operate


def _comparison(op: str) -> Callable[[Term, Any], Any]:
    def compare(self: Term, other: Any) -> Any:
        return NotImplemented if isinstance(other, np.ndarray) else Relation(op, self, other)

    return compare


def _plain(_self: Term) -> NoReturn:
    raise Untranslatable(
        "a plain number is wanted (math.…, float, an index): use + - * / **, np.sqrt, abs, min, max"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A real number that is not known yet."""

    record: Record
    at: int

    __add__, __radd__ = _operation("sum"), _operation("sum", swapped=True)
    __mul__, __rmul__ = _operation("product"), _operation("product", swapped=True)
    __truediv__, __rtruediv__ = _operation("quotient"), _operation("quotient", swapped=True)
    __lt__, __le__, __gt__, __ge__ = map(_comparison, ("<", "<=", ">", ">="))
    __eq__, __ne__ = map(_comparison, ("==", "!="))
    __hash__ = None  # type: ignore[assignment]
    __float__ = __int__ = __index__ = __complex__ = __bool__ = _plain

    def __neg__(self) -> Any:
        return -1 * self

    def __pos__(self) -> Term:
        return self

    def __sub__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, np.ndarray) else self + -1 * other

    def __rsub__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, np.ndarray) else other + -self

    def __abs__(self) -> Any:
        return self if bool(self >= 0) else -self

    def __pow__(self, exponent: Any) -> Term:
        if isinstance(exponent, Term):
            node = self.record.nodes[exponent.at]
            if node.op != "num":
                raise Untranslatable("a variable in the exponent")
            exponent = node.value
        return Term(self.record, self.record.power(self.at, exact(exponent)))

    def __rpow__(self, _base: Any) -> NoReturn:
        raise Untranslatable("a variable in the exponent")

    def sqrt(self) -> Term:
        """What ``np.sqrt`` calls."""
        return Term(self.record, self.record.root(self.at))

    def conjugate(self) -> Term:
        return self


def exact(value: Any) -> Fraction:
    """The rational number that a constant stands for."""
    if isinstance(value, int | np.integer | Fraction):
        return Fraction(int(value)) if not isinstance(value, Fraction) else value
    if isinstance(value, float | np.floating):
        number = float(value)
        if not np.isfinite(number):
            raise Untranslatable("a constant that is not finite")
        decimal = Fraction(repr(number))
        if len(repr(number).split("e")[0].replace(".", "").strip("-0")) <= DIGITS:
            return decimal
        near = decimal.limit_denominator(DENOMINATOR)
        if float(near) == number:
            return near
        raise Untranslatable(f"the constant {number!r} is no short decimal or fraction: make it an argument")
    raise Untranslatable(f"a {type(value).__name__} among the numbers")
