"""Real arithmetic written down: a witness's function is called with terms, and what it computes is read off.

Where the function branches on a comparison of terms (``if``, ``min``, ``abs``, ``and``) it is called again for the
other way, so that all ways together say what it does everywhere. What is not rational arithmetic or a root ends with
Untranslatable.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np

NODES = 2000
WAYS = 64
DECISIONS = 64
POWER = 64
DIGITS = 12
"""A float of no more digits is the decimal it is written as."""
DENOMINATOR = 10_000
"""Other floats are taken for the fraction they round, up to this denominator: 1/3 for 0.333…"""
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


class Untranslatable(Exception):
    """The function does something that a formula over the reals does not say."""


@dataclass(frozen=True, slots=True)
class Node:
    op: str
    """var, num, +, *, /, pow or sqrt."""
    args: tuple[int, ...] = ()
    """Places of the operands; they always stand before the node itself."""
    value: str | int | Fraction = 0
    """Name of a var, value of a num, exponent of a pow."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A comparison of two nodes."""

    op: str
    left: int
    right: int

    def negated(self) -> Fact:
        return Fact(NEGATED[self.op], self.left, self.right)


@dataclass(frozen=True, slots=True)
class Way:
    """One way through a function: where its ``given`` hold, it says ``says``."""

    given: tuple[Fact, ...]
    says: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """What must hold for the arithmetic to mean anything, on a way where ``given`` hold."""

    fact: Fact
    given: tuple[Fact, ...]


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


def evaluated(
    nodes: Sequence[Node],
    point: Mapping[str, Any],
    number: Callable[[Fraction], Any],
    root: Callable[[Any], Any],
) -> list[Any]:
    """The value of every node at a point; nan where it has none, as on a way not taken there."""
    values: list[Any] = []
    for node in nodes:
        a = [values[at] for at in node.args]
        try:
            values.append(_value(node, a, point, number, root))
        except (ZeroDivisionError, OverflowError, ValueError):
            values.append(float("nan"))
    return values


def _value(
    node: Node,
    a: Sequence[Any],
    point: Mapping[str, Any],
    number: Callable[[Fraction], Any],
    root: Callable[[Any], Any],
) -> Any:
    match node.op:
        case "var":
            return point[str(node.value)]
        case "num":
            return number(Fraction(node.value))
        case "+":
            return a[0] + a[1]
        case "*":
            return a[0] * a[1]
        case "/":
            return a[0] / a[1]
        case "pow":
            return a[0] ** int(node.value)
    return root(a[0])


def holding(facts: Sequence[Fact], values: Sequence[Any]) -> bool:
    return all(COMPARE[fact.op](values[fact.left], values[fact.right]) for fact in facts)


LEVEL = {"+": 1, "*": 2, "/": 2, "pow": 3}


def written(nodes: Sequence[Node]) -> list[str]:
    """Every node in common notation."""
    texts: list[str] = []
    levels: list[int] = []
    for node in nodes:
        level = LEVEL.get(node.op, 4)

        def part(index: int, least: int, node: Node = node) -> str:
            at = node.args[index]
            return texts[at] if levels[at] >= least else f"({texts[at]})"

        match node.op:
            case "num":
                text = str(node.value)
                level = 0 if text.startswith("-") else 2 if "/" in text else 4
            case "+":
                right = texts[node.args[1]]
                text = f"{part(0, 1)} - {right[1:]}" if right.startswith("-") else f"{part(0, 1)} + {right}"
            case "*":
                minus = [i for i in (0, 1) if texts[node.args[i]] == "-1"]
                text = f"-{part(1 - minus[0], 2)}" if minus else f"{part(0, 2)}*{part(1, 2)}"
                level = 1 if minus else level
            case "/":
                text = f"{part(0, 2)}/{part(1, 3)}"
            case "pow":
                text = f"{part(0, 4)}^{node.value}"
            case "sqrt":
                text = f"sqrt({texts[node.args[0]]})"
            case _:
                text = str(node.value)
        texts.append(text)
        levels.append(level)
    return texts


def said(fact: Fact, texts: Sequence[str]) -> str:
    return f"{texts[fact.left]} {fact.op} {texts[fact.right]}"
