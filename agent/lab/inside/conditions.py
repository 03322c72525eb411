"""Hypotheses and conclusions of ``w.prove``: their comparisons keep both sides, be they numbers or terms.

In the functions handed to ``prove`` every comparison becomes a call of ``compared``, under a name that no source can
spell and so none can shadow.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Any

from .raised import Bad
from .terms import Relation

COMPARED = "compared by the harness"
SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip


class Chain(tuple[Relation, ...]):
    """``a < b < c``: true where all of its comparisons are."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return all(map(bool, self))


def compared(signs: tuple[str, ...], *sides: Any) -> Chain:
    return Chain(Relation(sign, a, b) for sign, a, b in zip(signs, sides[:-1], sides[1:], strict=True))


def conditions(value: Any) -> list[Relation]:
    """The comparisons that a function returned; True stands for none."""
    if value is True:
        return []
    if isinstance(value, list | tuple):
        return [relation for part in value for relation in conditions(part)]
    if isinstance(value, Relation):
        return [value]
    raise Bad("prove: return a comparison or a list of comparisons, written in the function itself")


class _Compare(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if not all(type(op) in SIGNS for op in node.ops):
            return node
        signs = ast.Tuple([ast.Constant(SIGNS[type(op)]) for op in node.ops], ast.Load())
        return ast.Call(ast.Name(COMPARED, ast.Load()), [signs, node.left, *node.comparators], [])


def instrumented(tree: ast.Module) -> ast.Module:
    """A copy in which the comparisons of hypotheses and conclusions keep their sides; without any, the tree itself."""
    if not any(map(is_proof, ast.walk(tree))):
        return tree
    changed = copy.deepcopy(tree)
    for function in list(_functions(changed)):
        _Compare().visit(function)
    return ast.fix_missing_locations(changed)


def is_proof(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "prove"


def _functions(tree: ast.Module) -> Iterator[ast.AST]:
    """What is handed to ``prove``: lambdas in place, and functions and lambdas that stand under a name."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_proof(node):
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                if isinstance(argument, ast.Lambda):
                    yield argument
                elif isinstance(argument, ast.Name):
                    names.add(argument.id)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            yield node
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id in names for t in node.targets
        ):
            yield node.value
