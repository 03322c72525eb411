"""Small wrong versions of ``claim``. A check that does not notice them proves nothing."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass

FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
}
STRICT: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    what: str
    function: ast.FunctionDef
    sign: bool
    """A plus or minus was turned around: the slip that derivations make most."""


class _Site(ast.NodeTransformer):
    """Applies the ``wanted``-th change it comes across; with -1 it only counts them."""

    def __init__(self, wanted: int, indices: frozenset[str]) -> None:
        self.wanted = wanted
        self.indices = indices
        self.count = 0
        self.what = ""

    def hit(self, what: str) -> bool:
        self.count += 1
        if self.count - 1 == self.wanted:
            self.what = what
            return True
        return False

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Slice):
            return node
        node = self.generic_visit(node)
        change = getattr(self, "_" + type(node).__name__, None)
        return change(node) if change else node

    def _BinOp(self, node: ast.BinOp) -> ast.AST:
        op = node.op
        if isinstance(op, ast.Add | ast.Sub):
            return self._sum(node)
        if isinstance(op, ast.Mult | ast.Div):
            return self._product(node)
        if isinstance(op, ast.Pow):
            for name, step in (("+", ast.Add()), ("-", ast.Sub())):
                if self.hit(f"power {name} 1"):
                    node.right = ast.BinOp(node.right, step, ast.Constant(1))
                    return node
        if isinstance(op, ast.MatMult):
            if self.hit("swap factors of @"):
                node.left, node.right = node.right, node.left
            elif self.hit("drop left factor of @"):
                return node.right
        return node

    def _sum(self, node: ast.BinOp) -> ast.AST:
        plus = isinstance(node.op, ast.Add)
        if self.hit("sign: + to -" if plus else "sign: - to +"):
            node.op = ast.Sub() if plus else ast.Add()
        elif self.hit("drop right term"):
            return node.left
        elif self.hit("drop left term"):
            return node.right if plus else ast.UnaryOp(ast.USub(), node.right)
        return node

    def _product(self, node: ast.BinOp) -> ast.AST:
        times = isinstance(node.op, ast.Mult)
        if self.hit("* to /" if times else "/ to *"):
            node.op = ast.Div() if times else ast.Mult()
        elif self.hit("drop right factor"):
            return node.left
        return node

    def _UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.op, ast.USub) and self.hit("sign: drop minus"):
            return node.operand
        return node

    def _Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return node
        if self.hit(f"{node.value} to {node.value} + 1"):
            return ast.Constant(node.value + 1)
        if node.value != 0 and self.hit(f"{node.value} doubled"):
            return ast.Constant(node.value * 2)
        return node

    def _Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load) and node.id in self.indices and self.hit(f"index {node.id} + 1"):
            return ast.BinOp(node, ast.Add(), ast.Constant(1))
        return node

    def _Attribute(self, node: ast.Attribute) -> ast.AST:
        if node.attr == "T" and isinstance(node.ctx, ast.Load) and self.hit("drop transpose"):
            return node.value
        return node

    def _Compare(self, node: ast.Compare) -> ast.AST:
        if len(node.ops) == 1 and type(node.ops[0]) in FLIPPED:
            kind = type(node.ops[0])
            if self.hit("turn comparison"):
                node.ops = [FLIPPED[kind]()]
            elif self.hit("strict or not"):
                node.ops = [STRICT[kind]()]
        return node

    def _Return(self, node: ast.Return) -> ast.AST:
        if node.value is not None:
            if self.hit("whole times 1.01"):
                node.value = ast.BinOp(ast.Constant(1.01), ast.Mult(), node.value)
            elif self.hit("sign: whole"):
                node.value = ast.UnaryOp(ast.USub(), node.value)
        return node


def index_names(function: ast.FunctionDef) -> frozenset[str]:
    """Arguments and loop variables that count something: by habit i … n, t, N, T, K."""
    names = {a.arg for a in function.args.args if re.fullmatch(r"[ijklmntNTK]", a.arg)}
    for node in ast.walk(function):
        if isinstance(node, ast.comprehension) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return frozenset(names)


def mutants(function: ast.FunctionDef) -> Iterator[Mutant]:
    """Every single change, each different from the original and from one another."""
    indices = index_names(function)
    counter = _Site(-1, indices)
    counter.visit(copy.deepcopy(function))
    seen = {ast.dump(function)}
    for wanted in range(counter.count):
        site = _Site(wanted, indices)
        changed = site.visit(copy.deepcopy(function))
        ast.fix_missing_locations(changed)
        form = ast.dump(changed)
        if form not in seen and isinstance(changed, ast.FunctionDef):
            seen.add(form)
            yield Mutant(site.what, changed, site.what.startswith("sign"))
