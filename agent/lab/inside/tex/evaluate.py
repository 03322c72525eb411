"""A formula's tree to a number or an array. Vectors are columns, as in the text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .nodes import Node, Unreadable

MAX_TERMS = 2000
MAX_WORK = 200_000
MAX_CHOSEN = 1024
"""Binomials of more, out of twice as many, are no floats; computing them would not end."""
NODES = 80
"""Points of the Gauss-Legendre rule for integrals."""

SCALAR: Mapping[str, Callable[[float], float]] = {
    "exp": math.exp,
    "ln": math.log,
    "log": math.log,
    "lg": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "cot": lambda x: 1 / math.tan(x),
    "sec": lambda x: 1 / math.cos(x),
    "csc": lambda x: 1 / math.sin(x),
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "coth": lambda x: 1 / math.tanh(x),
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "arsinh": math.asinh,
    "arcsinh": math.asinh,
    "arcosh": math.acosh,
    "arccosh": math.acosh,
    "artanh": math.atanh,
    "arctanh": math.atanh,
    "sign": lambda x: float(np.sign(x)),
    "sgn": lambda x: float(np.sign(x)),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "relu": lambda x: max(x, 0.0),
    "ReLU": lambda x: max(x, 0.0),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "erf": math.erf,
    "erfc": math.erfc,
}
RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


class Evaluator:
    """Evaluates trees under bindings of symbols.

    ``lookup(node, index)`` gives the value of a symbol with its index values, or raises Unreadable.
    ``doubtful`` is set when something was read that notation alone does not settle.
    """

    def __init__(self, lookup: Callable[[Node, tuple[Any, ...]], Any], size: int = 0) -> None:
        self.lookup = lookup
        self.size = size
        """Dimension of an unbound identity matrix; 0 where it cannot be told."""
        self.local: dict[str, float] = {}
        self.doubtful = False
        self.work = 0

    def value(self, node: Node) -> Any:
        self.work += 1
        if self.work > MAX_WORK:
            raise Unreadable("too much work")
        try:
            return getattr(self, "_" + node.op)(node)
        except (ValueError, ZeroDivisionError, OverflowError, np.linalg.LinAlgError) as error:
            raise Unreadable(f"{node.op}: {error}") from error

    def scalar(self, node: Node) -> float:
        value = squeeze(self.value(node))
        if isinstance(value, np.ndarray):
            raise Unreadable("a number was expected, not an array")
        return float(value)

    # -- atoms
    def _num(self, node: Node) -> float:
        return node.value

    def _sym(self, node: Node) -> Any:
        if not node.args and node.name in self.local:
            return self.local[node.name]
        index = tuple(self._index(part) for part in node.args)
        return self.lookup(node, index)

    def _index(self, part: Node) -> Any:
        try:
            return self.value(part)
        except Unreadable:
            # a name, not a number: the i of x_i where nothing runs over i
            return part.name or "?"

    _bound = _sym

    # -- arithmetic
    def _neg(self, node: Node) -> Any:
        return -self.value(node.args[0])

    def _add(self, node: Node) -> Any:
        a, b = squeeze(self.value(node.args[0])), squeeze(self.value(node.args[1]))
        if np.ndim(a) != np.ndim(b):
            if np.ndim(a) == 0 and a == 0:
                return b
            if np.ndim(b) == 0 and b == 0:
                return a
            raise Unreadable("a number plus an array")
        if np.shape(a) != np.shape(b):
            raise Unreadable("shapes differ in a sum")
        return a + b

    def _mul(self, node: Node) -> Any:
        return self._product(self.value(node.args[0]), self.value(node.args[1]))

    def _product(self, a: Any, b: Any) -> Any:
        a, b = squeeze(a), squeeze(b)
        if np.ndim(a) == 0 or np.ndim(b) == 0:
            return a * b
        if a.shape[1] != b.shape[0]:
            raise Unreadable("shapes do not fit in a product")
        return squeeze(a @ b)

    def _dot(self, node: Node) -> Any:
        a, b = self.value(node.args[0]), self.value(node.args[1])
        if np.ndim(a) == 2 and np.shape(a) == np.shape(b) and np.shape(a)[1] == 1:
            return float((a * b).sum())
        return self._product(a, b)

    def _had(self, node: Node) -> Any:
        a, b = self.value(node.args[0]), self.value(node.args[1])
        if np.shape(a) != np.shape(b):
            raise Unreadable("shapes differ in ⊙")
        return a * b

    def _div(self, node: Node) -> Any:
        a, b = self.value(node.args[0]), squeeze(self.value(node.args[1]))
        if np.ndim(b):
            if np.shape(a) != np.shape(b):
                raise Unreadable("division by an array")
            self.doubtful = True
        return a / b

    def _pow(self, node: Node) -> Any:
        base, power = squeeze(self.value(node.args[0])), self.scalar(node.args[1])
        if np.ndim(base):
            if np.shape(base)[0] != np.shape(base)[1]:
                self.doubtful = True
                return base**power
            if power == -1:
                return np.linalg.inv(base)
            if float(power).is_integer() and power >= 0:
                return np.linalg.matrix_power(base, int(power))
            raise Unreadable("a matrix to a broken power")
        result = base**power
        if isinstance(result, complex):
            raise Unreadable("outside the domain of a power")
        return result

    def _T(self, node: Node) -> Any:
        value = self.value(node.args[0])
        return value.T if np.ndim(value) else value

    # -- functions
    def _call(self, node: Node) -> Any:
        values = [squeeze(self.value(part)) for part in node.args]
        name = node.name
        if name in ("max", "min"):
            if len(values) == 1 and np.ndim(values[0]):
                return float(values[0].max() if name == "max" else values[0].min())
            if any(np.ndim(value) for value in values):
                raise Unreadable(f"{name} of arrays")
            return max(values) if name == "max" else min(values)
        if len(values) != 1:
            raise Unreadable(f"{name} of {len(values)} arguments")
        value = values[0]
        if np.ndim(value) == 0:
            if name in ("tr", "Tr", "trace", "det", "diag", "softmax"):
                return value
            return SCALAR[name](value)
        return self._array_function(name, value)

    def _array_function(self, name: str, value: Any) -> Any:
        if name in ("tr", "Tr", "trace"):
            return float(np.trace(value))
        if name == "det":
            return float(np.linalg.det(value))
        if name == "diag":
            return np.diag(value[:, 0]) if value.shape[1] == 1 else np.diag(value).reshape(-1, 1)
        if name == "softmax":
            powers = np.exp(value - value.max())
            return powers / powers.sum()
        self.doubtful = True
        return np.vectorize(SCALAR[name])(value)

    def _apply(self, node: Node) -> Any:
        head = node.args[0]
        if head.op == "sym" and head.name == "W":
            return self._lambert(head, node.args[1:])
        function = self.lookup(Node(head.op, (), head.name), ())
        if not callable(function):
            raise Unreadable(f"{head.name} is not a function here")
        given: list[Any] = list(self._integers(head))
        for part in node.args[1:]:
            try:
                given.append(flat(squeeze(self.value(part))))
            except Unreadable:
                # a point the witness holds fixed inside the function it hands over
                self.doubtful = True
        return column(function(*given))

    def _integers(self, head: Node) -> list[Any]:
        values = [self._index(part) for part in head.args]
        return [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]

    def _lambert(self, head: Node, arguments: tuple[Node, ...]) -> float:
        from scipy.special import lambertw

        value = complex(lambertw(self.scalar(arguments[0]), int(self.scalar(head.args[0]))))
        if abs(value.imag) > 1e-9 * abs(value):
            raise Unreadable("outside the domain of W")
        return value.real

    def _abs(self, node: Node) -> Any:
        value = squeeze(self.value(node.args[0]))
        if np.ndim(value) == 0:
            return abs(value)
        if value.shape[0] == value.shape[1]:
            self.doubtful = True
            return abs(float(np.linalg.det(value)))
        return float(np.sqrt((value * value).sum()))

    def _norm(self, node: Node) -> float:
        value = squeeze(self.value(node.args[0]))
        if np.ndim(value) == 0:
            return float(abs(value))
        which = node.name.removeprefix(r"\op:")
        if min(value.shape) == 1:
            orders: dict[str, float] = {"": 2, "2": 2, "1": 1, r"\infty": math.inf, "F": 2}
            if which not in orders:
                raise Unreadable(f"norm {which}")
            return float(np.linalg.norm(value.ravel(), orders[which]))
        if which == "":
            self.doubtful = True
        if which in ("", "F", r"{\op:F}"):
            return float(np.linalg.norm(value))
        if which in ("2", r"\op:op", r"\op:2"):
            return float(np.linalg.norm(value, 2))
        raise Unreadable(f"matrix norm {which}")

    def _inner(self, node: Node) -> float:
        a, b = self.value(node.args[0]), self.value(node.args[1])
        if np.shape(a) != np.shape(b):
            raise Unreadable("shapes differ in ⟨,⟩")
        return float(np.sum(a * b))

    def _floor(self, node: Node) -> float:
        return float(math.floor(self.scalar(node.args[0])))

    def _ceil(self, node: Node) -> float:
        return float(math.ceil(self.scalar(node.args[0])))

    def _fact(self, node: Node) -> float:
        return math.gamma(self.scalar(node.args[0]) + 1)

    def _binom(self, node: Node) -> float:
        n, k = self.scalar(node.args[0]), self.scalar(node.args[1])
        if n.is_integer() and k.is_integer() and n >= 0:
            if min(k, n - k) > MAX_CHOSEN:
                raise Unreadable("a binomial beyond all floats")
            return float(math.comb(int(n), int(k))) if k >= 0 else 0.0
        raise Unreadable("a binomial of broken numbers")

    def _sqrt(self, node: Node) -> Any:
        value = squeeze(self.value(node.args[0]))
        if np.ndim(value):
            self.doubtful = True
            return np.sqrt(value)
        if len(node.args) == 1:
            return math.sqrt(value)
        return math.pow(value, 1 / self.scalar(node.args[1]))

    # -- sums, integrals, blocks
    def _sum(self, node: Node) -> Any:
        return self._series(node, lambda a, b: a + b, 0.0)

    def _prod(self, node: Node) -> Any:
        return self._series(node, self._product, 1.0)

    def _series(self, node: Node, join: Callable[[Any, Any], Any], empty: float) -> Any:
        low, high = self.scalar(node.args[0]), self.scalar(node.args[1])
        if not low.is_integer() or not high.is_integer() or high - low > MAX_TERMS:
            raise Unreadable("bounds of a sum")
        outer = self.local.get(node.name)
        total: Any = None
        try:
            for index in range(int(low), int(high) + 1):
                self.local[node.name] = float(index)
                term = self.value(node.args[2])
                total = term if total is None else join(total, term)
        finally:
            self._restore(node.name, outer)
        return empty if total is None else total

    def _int(self, node: Node) -> Any:
        low, high = self.scalar(node.args[0]), self.scalar(node.args[1])
        if not math.isfinite(low) or not math.isfinite(high):
            raise Unreadable("an infinite range of integration")
        points, weights = np.polynomial.legendre.leggauss(NODES)
        outer = self.local.get(node.name)
        total: Any = 0.0
        try:
            for point, weight in zip(points, weights, strict=True):
                self.local[node.name] = float((low + high) / 2 + (high - low) / 2 * point)
                total = total + weight * (high - low) / 2 * self.value(node.args[2])
        finally:
            self._restore(node.name, outer)
        return total

    def _restore(self, name: str, outer: float | None) -> None:
        if outer is None:
            self.local.pop(name, None)
        else:
            self.local[name] = outer

    def _matrix(self, node: Node) -> Any:
        rows = int(node.name)
        return np.array([self.scalar(cell) for cell in node.args]).reshape(rows, -1)

    def _cases(self, node: Node) -> Any:
        for value, condition in zip(node.args[::2], node.args[1::2], strict=True):
            if all(self._holds(part) for part in condition.args):
                return self.value(value)
        raise Unreadable("no case applies")

    def _holds(self, part: Node) -> bool:
        return RELATIONS[part.name](self.scalar(part.args[0]), self.scalar(part.args[1]))


def squeeze(value: Any) -> Any:
    """A 1×1 array is its number."""
    if isinstance(value, np.ndarray) and value.size == 1:
        return float(value.reshape(-1)[0])
    return value


def column(value: Any) -> Any:
    """What a program calls a vector, as a column; numbers as floats."""
    if callable(value):
        return value
    array = np.asarray(value, dtype=float)
    if array.ndim == 0:
        return float(array)
    return array.reshape(-1, 1) if array.ndim == 1 else array


def flat(value: Any) -> Any:
    """The reverse of ``column``, for handing a value to a program's function."""
    if isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] == 1:
        return value[:, 0]
    return value
