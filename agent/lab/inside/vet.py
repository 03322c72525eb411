"""What a witness may not do. The sandbox protects the machine; this protects the verdict."""

from __future__ import annotations

import ast

from .conditions import is_proof
from .helper import PUBLIC
from .raised import Bad
from .words import words

IMPORTS = words(
    "math numpy mpmath itertools functools fractions scipy scipy.special scipy.linalg scipy.integrate "
    "scipy.optimize scipy.stats"
)
NAMES = words(
    "open exec eval compile input globals locals vars setattr delattr getattr breakpoint type super object help "
    "exit quit memoryview classmethod staticmethod property"
)
ATTRIBUTES = words(
    "random default_rng seed rvs load save savez savez_compressed savetxt loadtxt genfromtxt fromfile tofile dump "
    "memmap ctypeslib f2py testing lib core ctypes format_map dps prec"
)
STATEMENTS = (ast.Try, ast.TryStar, ast.Global, ast.Nonlocal, ast.ClassDef, ast.AsyncFunctionDef, ast.Await)
INSPECTION = words("isinstance issubclass hasattr callable id hash repr str ascii format dir")
TOLERANCES = frozenset(("rtol", "atol", "tol", "z"))


def vet(tree: ast.Module) -> tuple[ast.FunctionDef, ast.FunctionDef]:
    """``claim`` and ``check`` of a witness that keeps the rules; raises Bad with the rule it breaks."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "claim" not in functions or "check" not in functions:
        raise Bad("a witness defines claim(…) and check(claim, w)")
    claim, check = functions["claim"], functions["check"]
    if sum(isinstance(n, ast.FunctionDef) and n.name in ("claim", "check") for n in ast.walk(tree)) != 2:
        raise Bad("claim and check are defined once")
    if [argument.arg for argument in check.args.args] != ["claim", "w"] or _extras(check.args):
        raise Bad("check takes exactly (claim, w)")
    if claim.args.vararg or claim.args.kwarg:
        raise Bad("claim takes named arguments only")
    for node in ast.walk(tree):
        _node(node)
    _helper_only(check)
    _aliases(tree, check)
    _inspection(tree)
    return claim, check


def _extras(arguments: ast.arguments) -> bool:
    return bool(
        arguments.defaults
        or arguments.kwonlyargs
        or arguments.vararg
        or arguments.kwarg
        or arguments.posonlyargs
    )


def _node(node: ast.AST) -> None:
    if isinstance(node, STATEMENTS):
        raise Bad(f"{type(node).__name__} is not allowed")
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        raise Bad("decorators are not allowed")
    if isinstance(node, ast.Import):
        for alias in node.names:
            _import(alias.name)
    elif isinstance(node, ast.ImportFrom):
        _import(node.module or "")
        for alias in node.names:
            if alias.name in ATTRIBUTES or alias.name == "*" or alias.name.startswith("_"):
                raise Bad(f"import of {alias.name}")
    elif isinstance(node, ast.Name):
        if node.id in NAMES or node.id.startswith("__"):
            raise Bad(f"use of {node.id}")
    elif isinstance(node, ast.Attribute):
        _attribute(node)
    elif isinstance(node, ast.keyword) and node.arg in TOLERANCES:
        raise Bad(f"own tolerance {node.arg}: tolerances belong to the harness")


def _import(name: str) -> None:
    if name not in IMPORTS:
        raise Bad(f"import of {name}")


def _attribute(node: ast.Attribute) -> None:
    if not isinstance(node.ctx, ast.Load):
        raise Bad("assignment to an attribute")
    if node.attr.startswith("_"):
        raise Bad("private attribute")
    if node.attr in ATTRIBUTES:
        own = "own randomness: use w." if node.attr in ("random", "default_rng", "seed", "rvs") else "use of "
        raise Bad(f"{own}{node.attr if own == 'use of ' else '*'}")


def _helper_only(check: ast.FunctionDef) -> None:
    for node in ast.walk(check):
        if isinstance(node, ast.Name) and node.id == "w" and not isinstance(node.ctx, ast.Load):
            raise Bad("w is reassigned")
        on_helper = (
            isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "w"
        )
        if on_helper and isinstance(node, ast.Attribute) and node.attr not in PUBLIC:
            raise Bad(f"w has no {node.attr}")


def _aliases(tree: ast.Module, check: ast.FunctionDef) -> None:
    """``claim`` may be named in check alone: elsewhere it would be a second, unmutated copy."""
    inside = {id(node) for node in ast.walk(check)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in inside and node.id in ("claim", "check"):
            raise Bad(f"{node.id} is used outside check")
        if isinstance(node, ast.Name) and node.id == "claim" and not isinstance(node.ctx, ast.Load):
            raise Bad("claim is reassigned")


def _inspection(tree: ast.Module) -> None:
    """What is to be proved must not tell the symbols that a proof is about from the numbers of a sample."""
    if not any(map(is_proof, ast.walk(tree))):
        return
    for node in ast.walk(tree):
        asks = isinstance(node, ast.Name) and node.id in INSPECTION
        if asks or isinstance(node, ast.JoinedStr | ast.Is | ast.IsNot):
            name = node.id if isinstance(node, ast.Name) else type(node).__name__
            raise Bad(f"prove: {name} can tell what a function is called with")


def vet_expression(text: str) -> None:
    try:
        for node in ast.walk(ast.parse(text, mode="eval")):
            _node(node)
    except SyntaxError as error:
        raise Bad(f"BIND {text!r} is not an expression") from error
