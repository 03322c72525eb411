"""By which way a check reaches its reference, read off its source.

Only what flows into an assertion counts: a loop put beside the comparison for show is no route.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from .words import words

ASSERTIONS = frozenset(("equal", "order", "limit", "holds", "mean", "scales", "prove"))
HELPER_ROUTES = {"dgrad": "dgrad", "d": "diff", "quad": "quad", "ode": "ode", "taylor": "taylor"}
ASSERTED_ROUTES = frozenset(("order", "limit", "mean"))
SOLVERS = words(
    "solve inv pinv lstsq eig eigh eigvals eigvalsh svd qr cholesky det slogdet matrix_rank expm logm sqrtm brentq "
    "bisect newton fsolve root root_scalar minimize minimize_scalar findroot linprog nnls roots"
)
NUMERIC = frozenset(
    ("quad", "dblquad", "solve_ivp", "odeint", "trapezoid", "trapz", "simpson", "diff", "odefun")
)
SUMMATIONS = words("sum fsum cumsum prod cumprod nsum nprod einsum trace accumulate reduce convolve")
SMALL = 6
"""Expressions of fewer nodes repeat by chance."""


def routes(check: ast.FunctionDef) -> tuple[str, ...]:
    """Names of the independent routes; empty for algebra alone."""
    found: set[str] = set()
    for node in flow(check):
        found |= set(_routes_of(node))
    return tuple(sorted(found))


def _routes_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        on_helper = isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "w"
        if on_helper and name in ASSERTED_ROUTES:
            yield name
        elif on_helper and name in HELPER_ROUTES:
            yield HELPER_ROUTES[name]
        elif name in SOLVERS or (name == "norm" and len(node.args) > 1):
            yield "solve"
        elif name in NUMERIC:
            yield "quad"
        elif name in SUMMATIONS and not on_helper:
            yield "sum"
    elif isinstance(node, ast.While) or (isinstance(node, ast.For) and carried(node)):
        yield "simulate"


def carried(loop: ast.For | ast.While) -> set[str]:
    """Names whose value goes from one turn of the loop into the next: the mark of a recursion or a search."""
    written: set[str] = set()
    early: set[str] = set()
    assigned: set[str] = set()

    def statement(node: ast.stmt) -> None:
        if isinstance(node, ast.If | ast.For | ast.While):
            head = node.test if not isinstance(node, ast.For) else node.iter
            read(head)
            if isinstance(node, ast.For):
                assigned.update(names(node.target))
                written.update(names(node.target))
            for inner in (*node.body, *node.orelse):
                statement(inner)
            return
        read(node)
        for name in targets(node):
            assigned.add(name)
            written.add(name)

    def read(node: ast.AST) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id not in written:
                early.add(part.id)
            if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
                early.add(part.target.id)

    for node in loop.body:
        statement(node)
    return early & assigned


def targets(node: ast.stmt) -> set[str]:
    """Names a statement changes: by assignment, through an index, or by append and extend."""
    found: set[str] = set()
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            found |= names(target)
    elif isinstance(node, ast.FunctionDef):
        found.add(node.name)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        grows = isinstance(function, ast.Attribute) and function.attr in (
            "append",
            "extend",
            "insert",
            "sort",
        )
        if grows and isinstance(function, ast.Attribute):
            found |= names(function.value)
    return found


def names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def flow(check: ast.FunctionDef) -> list[ast.AST]:
    """All nodes that an assertion depends on: its own, and the definitions of the names in them, and so on."""
    definitions: dict[str, list[ast.AST]] = {}
    for node in ast.walk(check):
        if isinstance(node, ast.stmt) and node is not check:
            for name in targets(node):
                definitions.setdefault(name, []).append(node)
        if isinstance(node, ast.For | ast.While):
            for name in carried(node):
                definitions.setdefault(name, []).append(node)
            if isinstance(node, ast.For):
                for name in names(node.target):
                    definitions.setdefault(name, []).append(node.iter)
        if isinstance(node, ast.NamedExpr):
            definitions.setdefault(node.target.id, []).append(node.value)
    reached: dict[int, ast.AST] = {}
    open_names: list[str] = []

    def add(root: ast.AST) -> None:
        for part in ast.walk(root):
            if id(part) in reached:
                continue
            reached[id(part)] = part
            if isinstance(part, ast.Name):
                open_names.append(part.id)

    for node in ast.walk(check):
        if is_assertion(node):
            add(node)
    done: set[str] = set()
    while open_names:
        name = open_names.pop()
        if name not in done:
            done.add(name)
            for definition in definitions.get(name, ()):
                add(definition)
    return list(reached.values())


def is_assertion(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "w"
        and node.func.attr in ASSERTIONS
    )


def repeats_claim(claim: ast.FunctionDef, check: ast.FunctionDef) -> bool:
    """Whether the check holds the claim's own expression under other names."""
    wanted = {
        shape(node.value)
        for node in ast.walk(claim)
        if isinstance(node, ast.Return) and node.value is not None and _size(node.value) > SMALL
    }
    return any(shape(node) in wanted for node in ast.walk(check) if isinstance(node, ast.expr))


def _size(node: ast.AST) -> int:
    return sum(1 for _ in ast.walk(node))


def shape(node: ast.expr) -> str:
    """An expression with its names numbered by first use."""
    known: dict[str, str] = {}

    class Rename(ast.NodeTransformer):
        def visit_Name(self, part: ast.Name) -> ast.AST:
            return ast.Name(known.setdefault(part.id, f"v{len(known)}"), ast.Load())

    return ast.dump(Rename().visit(copy.deepcopy(node)))
