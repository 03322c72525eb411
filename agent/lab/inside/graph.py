"""Arithmetic over the reals as a list of operations: its values at a point, and how it reads."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


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
