"""What a witness reaches through the modules it may use: their functions, classes and numbers, nothing else of theirs.

A module holds other modules (``fractions.sys``), and through one of those the judge itself; what it keeps, a dictionary
or an array, outlasts a trial and tells the next one that it is not the first. So each dotted name that starts at a
module is looked up before the witness runs, and a module's name stands nowhere but before a dot.
"""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from numbers import Number
from types import ModuleType
from typing import Any

import numpy as np

from .raised import Bad
from .words import words

IMPORTS = words(
    "math numpy mpmath itertools functools fractions scipy scipy.special scipy.linalg scipy.integrate "
    "scipy.optimize scipy.stats"
)
PARTS = words(
    "numpy.linalg numpy.fft numpy.polynomial numpy.polynomial.polynomial numpy.polynomial.chebyshev "
    "numpy.polynomial.legendre numpy.polynomial.laguerre numpy.polynomial.hermite numpy.polynomial.hermite_e numpy.lib.scimath"
)
"""Modules that are reached by a dot alone."""
GIVEN = {"np": "numpy", "math": "math", "mp": "mpmath"}
"""Names that every witness finds there, and the modules behind them."""
KEPT = (dict, list, set, bytearray, np.ndarray)

Roots = Mapping[str, Sequence[Any]]
"""Name → what of a module it may stand for; several things where one name is imported twice."""


def contained(tree: ast.AST) -> None:
    """Raises Bad where the program reaches for something of a module that is no matter of arithmetic."""
    roots = _roots(tree)
    nodes = list(ast.walk(tree))
    rooms = {name for name, values in roots.items() if any(isinstance(v, ModuleType) for v in values)}
    for node in nodes:
        for name in bound(node):
            if name in rooms:
                raise Bad(f"{name} names a module: call your own thing otherwise")
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    used = {id(node.value) for node in nodes if isinstance(node, ast.Subscript)}
    used |= {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in inner:
            for value in _reached(node, roots):
                _final(ast.unparse(node), value, used=id(node) in used)


def bound(node: ast.AST) -> Iterator[str]:
    """The names that a node gives to something; imports apart."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.FunctionDef):
        yield node.name


def _roots(tree: ast.AST) -> Roots:
    found: dict[str, list[Any]] = defaultdict(list)
    for name, given in GIVEN.items():
        found[name].append(importlib.import_module(given))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = importlib.import_module(alias.name)
                first = importlib.import_module(alias.name.partition(".")[0])
                found[alias.asname or first.__name__].append(whole if alias.asname else first)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                said = f"{module.__name__}.{alias.name}"
                found[alias.asname or alias.name] += _allowed(said, _part(module, alias.name))
    return found


def _reached(node: ast.AST, roots: Roots) -> list[Any]:
    """What a dotted name stands for, where it starts at a module; raises Bad where the way leads astray."""
    if isinstance(node, ast.Name):
        return list(roots.get(node.id, ()))
    if not isinstance(node, ast.Attribute):
        return []
    found = [part for owner in _reached(node.value, roots) for part in _part(owner, node.attr)]
    return _allowed(ast.unparse(node), found)


def _part(owner: Any, name: str) -> list[Any]:
    """At most one value; none where there is no such name, which the run itself then says better."""
    try:
        value = getattr(owner, name)
    except Exception:
        return []
    if isinstance(owner, ModuleType) and name not in getattr(owner, "__all__", ()):
        home = getattr(value, "__module__", None)
        if isinstance(home, str) and _package(home) != _package(owner.__name__):
            raise Bad(f"{owner.__name__}.{name} belongs to {_package(home)}, which no witness may use")
    return [value]


def _package(module: str) -> str:
    return module.partition(".")[0]


def _allowed(said: str, values: list[Any]) -> list[Any]:
    for value in values:
        if isinstance(value, ModuleType) and value.__name__ not in IMPORTS | PARTS:
            raise Bad(f"{said} is the module {value.__name__}, which no witness may use")
        if isinstance(value, KEPT):
            raise Bad(f"{said} belongs to its module, and outlasts a trial")
    return values


def _final(said: str, value: Any, *, used: bool) -> None:
    """``used``: what it stands for is called or indexed, so that it does not go elsewhere itself."""
    plain = value is None or isinstance(value, Number | np.generic | str | tuple | np.dtype)
    if not (plain or callable(value) or (used and not isinstance(value, ModuleType))):
        raise Bad(f"{said} stands for itself: of a module, name the function or the number that is meant")
