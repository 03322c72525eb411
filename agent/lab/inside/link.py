"""The link between a witness's ``claim`` and the formula that is shown: both evaluated at the same points."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .tex.evaluate import Evaluator, column
from .tex.lexer import bind, contains, tokens
from .tex.nodes import Node, Reading, Unreadable
from .tex.parser import parse
from .tex.steps import sides

How = Literal["evaluated", "text", "none", "mismatch"]
POINTS = 12
RTOL = 1e-9
CONSTANTS = {"pi": math.pi, "e": math.e}
VECTOR_MARKS = frozenset(
    (
        r"\boldsymbol",
        r"\top",
        r"\|",
        r"\nabla",
        r"\langle",
        r"\vec",
        r"\op:tr",
        r"\op:Tr",
        r"\tr",
        r"\det",
        r"\odot",
    )
)
SIZE_MARKS = VECTOR_MARKS | {r"\sum", r"\prod", r"\cdots", r"\ldots", r"\dots"}
READINGS = tuple(Reading(a, b) for a, b in itertools.product((False, True), repeat=2))


@dataclass(frozen=True, slots=True)
class Link:
    how: How
    detail: str = ""
    vectors: bool = False
    """The side that was compared (or, where none could be, any side) is written with vectors or matrices."""


@dataclass(frozen=True, slots=True)
class Point:
    """One call of ``claim``: its arguments by name, and what it returned."""

    arguments: Mapping[str, Any]
    result: Any


def link(
    shown: str | None, written: str | None, fragments: Mapping[str, str] | None, points: Sequence[Point]
) -> Link:
    """How firmly ``claim`` is tied to the formula.

    ``shown``: the displayed right side as the article has it, or None where there is no article. ``written``: the
    TEX in the witness itself, or None. Where the formula cannot be evaluated, that a hand-written TEX stands
    verbatim in the display is a second, weaker link.
    """
    target = shown if shown is not None else written
    if not target:
        return Link("none", "no formula given")
    said = shown is not None and written is not None
    same = said and contains(shown or "", written or "")
    found = [
        evaluated(side, fragments or {}, points) for side in candidates(target, written if same else None)
    ]
    for how in ("evaluated", "mismatch"):
        for one in found:
            if one.how == how:
                return one
    if said:
        if same:
            return Link("text", found[0].detail, found[0].vectors)
        return Link("mismatch", "TEX of the witness is not in the displayed formula")
    return found[0]


def sized(shown: str) -> bool:
    """Whether a display speaks of vectors, sums or the like, which a statement about numbers has in one size only."""
    return bool(SIZE_MARKS & set(tokens(shown)))


def candidates(target: str, written: str | None) -> list[list[str]]:
    """Token streams that ``claim`` may stand for: what the witness names, else the right sides of the display."""
    streams = [tokens(written)] if written else [list(side) for side in sides(target)]
    return [stream for stream in streams if stream] or [[]]


def evaluated(formula: list[str], fragments: Mapping[str, str], points: Sequence[Point]) -> Link:
    """Compare ``claim`` with a formula's tokens at the points, under each convention until one fits."""
    vectors = bool(VECTOR_MARKS & set(formula))
    if not points:
        return Link("none", "claim was never called", vectors)
    keys = {fragment: f"b{index}" for index, fragment in enumerate(fragments)}
    meaning = {keys[fragment]: expression for fragment, expression in fragments.items()}
    try:
        stream = bind(formula, keys)
    except RecursionError:
        return Link("none", "nested too deeply")
    doubtful, reason = False, ""
    failed = 0
    for reading in READINGS:
        try:
            verdict, unsure = _fits(stream, reading, meaning, points)
        except Unreadable as error:
            reason = reason or str(error)
            continue
        if verdict:
            return Link("evaluated", f"{min(len(points), POINTS)} points", vectors)
        failed += 1
        doubtful |= unsure
    if failed and not doubtful:
        return Link("mismatch", "claim() is not the displayed formula", vectors)
    return Link("none", reason or "the formula can be read in several ways, and none fits", vectors)


def _fits(
    stream: list[str], reading: Reading, meaning: Mapping[str, str], points: Sequence[Point]
) -> tuple[bool, bool]:
    doubtful = False
    for point in points[:POINTS]:
        values = bindings(meaning, point.arguments)
        callables = frozenset(key for key, value in values.items() if callable(value))
        tree = parse(stream, reading, callables)
        evaluator = Evaluator(_lookup(values, point.arguments), _size(values.values()))
        got = evaluator.value(tree)
        doubtful |= evaluator.doubtful
        if not close(point.result, got):
            return False, doubtful
    return True, doubtful


def bindings(meaning: Mapping[str, str], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Values of bound fragments, and of the arguments themselves under their own names."""
    found = {name: _value(value) for name, value in arguments.items()}
    for key, expression in meaning.items():
        if expression in arguments:
            found[key] = _value(arguments[expression])
            continue
        try:
            # one namespace: a comprehension inside does not see an eval's locals
            found[key] = _value(eval(expression, {"np": np, "math": math, **arguments}))
        except Exception as error:
            raise Unreadable(f"BIND {expression!r}: {error}") from error
    return found


def _value(value: Any) -> Any:
    try:
        return column(value)
    except (TypeError, ValueError):
        return value


def _lookup(
    values: Mapping[str, Any], arguments: Mapping[str, Any]
) -> Callable[[Node, tuple[Any, ...]], Any]:
    def find(node: Node, index: tuple[Any, ...]) -> Any:
        bare = node.name.split(":")[-1]
        written = "".join(_spelled(part) for part in node.args)
        names = [node.name, bare] if not index else [f"{bare}{written}", f"{bare}_{written}"]
        for name in names:
            if name in values:
                return values[name]
        if index and (node.op == "bound" or bare in values):
            return component(values[node.name if node.op == "bound" else bare], index)
        if not index and bare in CONSTANTS:
            return CONSTANTS[bare]
        if not index and node.name in ("I", "boldsymbol:I", "mathbb:I"):
            size = _size(values.values())
            if size:
                return np.eye(size)
        raise Unreadable(f"{bare}{'_' + written if written else ''} is bound to nothing")

    return find


def _spelled(part: Node) -> str:
    if part.op == "num":
        return f"{part.value:g}"
    return re.sub(r"\W", "", part.name)


def component(value: Any, index: tuple[Any, ...]) -> Any:
    """``x_i`` of an array that a fragment is bound to, counted from 1; or a function of its index."""
    whole = [int(part) for part in index if isinstance(part, float) and part.is_integer()]
    if len(whole) != len(index):
        raise Unreadable("an index that is not a number")
    if callable(value):
        return column(value(*whole))
    if np.ndim(value) == 2 and all(part >= 1 for part in whole):
        array = value[:, 0] if value.shape[1] == 1 else value
        if len(whole) == array.ndim and all(p <= n for p, n in zip(whole, array.shape, strict=True)):
            return float(array[tuple(part - 1 for part in whole)])
    raise Unreadable("an index out of range")


def _size(values: Any) -> int:
    """The one dimension that all bound arrays share, or 0."""
    sizes = {n for value in values if isinstance(value, np.ndarray) for n in value.shape if n > 1}
    return sizes.pop() if len(sizes) == 1 else 0


def close(a: Any, b: Any, rtol: float = RTOL) -> bool:
    """Equal to rounding, after a column and a plain vector have been made one."""
    try:
        x, y = np.asarray(a, dtype=complex), np.asarray(b, dtype=complex)
    except (TypeError, ValueError):
        return False
    if x.shape != y.shape:
        if x.size != y.size or min(x.ndim, y.ndim) > 1 or max(x.ndim, y.ndim) > 2:
            return False
        x, y = x.ravel(), y.ravel()
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        return False
    scale = max(1e-12, float(np.abs(x).max(initial=0)), float(np.abs(y).max(initial=0)))
    return bool(np.all(np.abs(x - y) <= rtol * scale))
