"""A pass over every displayed formula: what kind of step each sign makes, and closed arithmetic that does not add up.

Reading alone never refutes a formula, because formulas leave their hypotheses unsaid. A mismatch of plain numbers is
*suspect*, with the numbers; everything else is only given its kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from agent.article import Article, Formula
from agent.lab.inside.tex.lexer import tokens
from agent.lab.inside.tex.nodes import ACCENTS, FUNCTIONS, GREEK, Node, Unreadable
from agent.lab.inside.tex.parser import parse
from agent.lab.inside.tex.steps import Segment, rows, statements, without_remainder

if TYPE_CHECKING:
    from agent.lab.inside.tex.evaluate import Evaluator

Kind = Literal["definition", "claim", "chain", "approximation", "inequality", "other", "expression"]
CLAIMS: frozenset[Kind] = frozenset(("claim", "chain", "approximation", "inequality"))
"""Kinds that say something that could be wrong."""
NEAR = 0.05
"""How far the sides of ≈ may lie apart, relatively."""
EXACT = 1e-9
INEQUALITIES = {"<": -1, "≤": -1, "≪": -1, "≲": -1, ">": 1, "≥": 1, "≫": 1, "≳": 1}
APPROXIMATE = frozenset("≈≍~∝")


@dataclass(frozen=True, slots=True)
class Step:
    """One relation sign of one display."""

    line: int
    kind: Kind
    relation: str
    left: str
    right: str
    suspect: bool = False
    detail: str = ""
    """The numbers on both sides of a suspect step."""


def scan(article: Article) -> list[Step]:
    """All steps of an article's displays, in file order."""
    return [step for _, steps in _displays(article) for step in steps]


def claims(article: Article) -> list[Formula]:
    """Displays that say something which could be wrong, in file order."""
    return [display for display, steps in _displays(article) if any(s.kind in CLAIMS for s in steps)]


def _displays(article: Article) -> Iterator[tuple[Formula, list[Step]]]:
    """Each display with its steps, read after all formulas before it."""
    known: set[str] = set()
    for formula in article.formulas:
        if formula.kind == "display":
            yield formula, display_steps(formula.tex, formula.line, known)
        known.update(heads(tokens(formula.tex)))


def display_steps(tex: str, line: int = 0, known: set[str] | None = None) -> list[Step]:
    """The steps of one display. ``known``: symbols that stood in earlier formulas."""
    found: list[Step] = []
    before: Segment | None = None
    for row in rows(tex):
        for parts in statements(row.tex):
            # a row that begins with a sign goes on where the last one ended
            goes_on = not parts[0].stream and before is not None
            chain = [before, *parts[1:]] if goes_on and before is not None else parts
            for place, (left, right) in enumerate(pairwise(chain)):
                kind = kind_of(left, right, goes_on or place > 0, known or set())
                found.append(
                    arithmetic(Step(line, kind, right.relation, shown(left), shown(right)), left, right)
                )
            if len(chain) == 1 and chain[0].stream:
                found.append(Step(line, "expression", "", shown(chain[0]), ""))
            before = chain[-1]
    return found


def shown(segment: Segment) -> str:
    text = ""
    for token in segment.stream:
        word = (
            token.replace(r"\op:", r"\operatorname ")
            .replace(r"\begin:", r"\begin ")
            .replace(r"\end:", r"\end ")
        )
        text += " " + word if text and text[-1].isalpha() and word[0].isalpha() else word
    return text.strip()


def heads(stream: Sequence[str]) -> Iterator[str]:
    """Symbols of a formula, without their indices and accents."""
    for token in stream:
        word = token.removeprefix(r"\op:").lstrip("\\")
        named = token.startswith(r"\op:") and word not in FUNCTIONS
        if (len(token) == 1 and token.isalpha()) or word in GREEK or named:
            yield token


def kind_of(left: Segment, right: Segment, chained: bool, known: set[str]) -> Kind:
    """What a sign says. ``=`` after a new symbol defines it; after another ``=`` it goes on with a chain."""
    sign = right.relation
    if sign in INEQUALITIES or sign in "≠⪯⪰≺≻":
        return "inequality"
    if sign in APPROXIMATE:
        return "other" if sign == "~" else "approximation"
    if sign == ":=":
        return "definition"
    if sign not in "=≡":
        return "other"
    if chained:
        return "chain"
    return "definition" if defines(left.stream, known) else "claim"


def defines(stream: Sequence[str], known: set[str]) -> bool:
    """Whether the left side is one symbol, indices and arguments aside, that has not been seen before."""
    start = next((i for i, token in enumerate(stream) if token not in ACCENTS and token != "{"), 0)
    names = list(heads(stream[start : start + 1]))
    if not names or names[0] in known:
        return False
    depth = 0
    for index, token in enumerate(stream):
        depth += (token in ("(", "{", "[")) - (token in (")", "}", "]"))
        if (
            depth == 0
            and index > 0
            and token in ("+", "-", r"\cdot", r"\frac", "/", r"\sum", r"\int", r"\times")
        ):
            return False
    return stream[0] not in (r"\frac", r"\sum", r"\int", r"\prod", r"\sqrt", "(", "-")


def arithmetic(step: Step, left: Segment, right: Segment) -> Step:
    """The step marked as suspect, where both sides are numbers and the sign between them does not hold."""
    a, b = number(without_remainder(left.stream)), number(without_remainder(right.stream))
    if a is None or b is None or holds(step.relation, a, b):
        return step
    return replace(step, suspect=True, detail=f"{a.value:.10g} {step.relation} {b.value:.10g}")


@dataclass(frozen=True, slots=True)
class Number:
    value: float
    doubt: float
    """How far rounding of the decimals in it may have moved the value."""


def holds(relation: str, a: Number, b: Number) -> bool:
    """Whether a sign holds between two numbers, as far as their digits tell."""
    gap = abs(a.value - b.value)
    size = max(abs(a.value), abs(b.value))
    slack = a.doubt + b.doubt + EXACT * size
    if relation in ("=", "≡"):
        return gap <= slack
    if relation == "≈":
        return gap <= slack + NEAR * size
    if relation == "≠":
        return gap > 0
    if relation in ("<", "≤", ">", "≥"):
        return (b.value - a.value) * -INEQUALITIES[relation] >= -slack
    return True


def number(stream: Sequence[str]) -> Number | None:
    """The value of a side without free symbols, or None."""
    try:
        tree = parse(list(stream))
        if tree.op in ("sym", "bound") or not closed(tree, frozenset()):
            return None
        value = evaluate(tree)
        doubt = sum(abs(evaluate(moved) - value) for moved in nudged(tree))
    except (Unreadable, ArithmeticError, ValueError, TypeError, IndexError, KeyError):
        return None
    return Number(value, doubt) if math.isfinite(value) and math.isfinite(doubt) else None


def closed(node: Node, local: frozenset[str]) -> bool:
    """Whether only numbers, π, powers of e and bound variables occur."""
    if node.op == "sym":
        return node.name in local or (node.name == "pi" and not node.args)
    if node.op == "pow" and node.args[0] == Node("sym", name="e"):
        return closed(node.args[1], local)
    if node.op in ("sum", "prod", "int"):
        low, high, body = node.args
        return closed(low, local) and closed(high, local) and closed(body, local | {node.name})
    return node.op not in ("bound", "apply") and all(closed(part, local) for part in node.args)


def evaluate(tree: Node) -> float:
    from agent.lab.inside.tex.evaluate import Evaluator

    def constant(node: Node, index: tuple[Any, ...]) -> float:
        if node.name in ("pi", "e") and not index:
            return math.pi if node.name == "pi" else math.e
        raise Unreadable(node.name)

    reader: Evaluator = Evaluator(constant)
    value = reader.scalar(tree)
    if reader.doubtful:
        raise Unreadable("can be read in several ways")
    return value


def nudged(tree: Node) -> Iterator[Node]:
    """The tree with one rounded decimal moved by half a unit in its last place, for each of them.

    A number by itself is taken for rounded. Inside a calculation only one of three or more digits is: 0.1 is
    somebody's choice, 0.333 is a rounded third.
    """
    yield from _nudged(tree, 1 if _literal(tree) else 3)


def _literal(tree: Node) -> bool:
    """A decimal, its negative, or a decimal times a power of ten."""
    if tree.op == "neg":
        return _literal(tree.args[0])
    if tree.op == "mul":
        scale = tree.args[1]
        return tree.args[0].op == "num" and scale.op == "pow" and scale.args[0].value == 10
    return tree.op == "num"


def _nudged(tree: Node, least: int) -> Iterator[Node]:
    if tree.op == "num":
        _, point, decimals = tree.name.partition(".")
        if point and len(tree.name.replace(".", "").lstrip("0")) >= least:
            yield replace(tree, value=tree.value + 0.5 * 10.0 ** -len(decimals))
        return
    for place, part in enumerate(tree.args):
        for moved in _nudged(part, least):
            yield replace(tree, args=(*tree.args[:place], moved, *tree.args[place + 1 :]))
