"""What a witness may not do. The sandbox protects the machine; this protects the verdict."""

from __future__ import annotations

import ast

from .conditions import is_proof
from .helper import PUBLIC
from .raised import Bad
from .reach import IMPORTS, bound, contained
from .words import words

NAMES = words(
    "open exec eval compile input globals locals vars setattr delattr getattr breakpoint type super object help "
    "exit quit memoryview classmethod staticmethod property"
)
RANDOM = words("random default_rng seed rvs random_state rand randmatrix")
FILES = words(
    "load save savez savez_compressed savetxt loadtxt genfromtxt fromregex fromfile tofile dump memmap ctypeslib f2py "
    "testing test runtests doctests timing plot cplot splot lib core ctypes"
)
MODULES = words(
    "sys os io builtins inspect operator types gc importlib subprocess pickle weakref warnings threading"
)
STATE = words(
    "dps prec context ctx seterr seterrcall setbufsize set_printoptions set_default_printstyle set_string_function "
    "default init_builtins hyp_summators register domain window excluded"
)
"""What is set or kept for all trials together, and ways to it."""
BY_NAME = words(
    "format format_map bmat hypsum update_wrapper wraps total_ordering singledispatch singledispatchmethod "
    "cached_property partialmethod namedtuple record mro"
)
"""Ways to an attribute that stand in no source as one: by a name in a string, a record of the harness."""
ATTRIBUTES = NAMES | FILES | MODULES | STATE | BY_NAME
INTROSPECTION = tuple(words("gi_ cr_ ag_ tb_ co_ f_back f_builtins f_code f_globals f_locals f_trace"))
"""Frames, code and tracebacks, from which every name of the harness can be had."""
STATEMENTS = (
    ast.Try, ast.TryStar, ast.Global, ast.Nonlocal, ast.ClassDef, ast.AsyncFunctionDef, ast.Await, ast.Match
)  # fmt: skip
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
    contained(tree)
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
    if isinstance(node, ast.With) and any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(node)):
        raise Bad("yield inside with: what the block sets would outlast it")
    if isinstance(node, ast.Import | ast.ImportFrom):
        _import(node)
    elif isinstance(node, ast.Name):
        if node.id in NAMES or node.id.startswith("__"):
            raise Bad(f"use of {node.id}")
    elif isinstance(node, ast.Attribute):
        if not isinstance(node.ctx, ast.Load):
            raise Bad("assignment to an attribute")
        _attribute(node.attr, "use of")
    elif isinstance(node, ast.keyword) and node.arg in TOLERANCES:
        raise Bad(f"own tolerance {node.arg}: tolerances belong to the harness")
    for name in bound(node):
        if name.startswith("__"):
            raise Bad(f"use of {name}")


def _import(node: ast.Import | ast.ImportFrom) -> None:
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for module in modules:
        if module not in IMPORTS or (isinstance(node, ast.ImportFrom) and node.level):
            raise Bad(f"import of {module}")
    for alias in node.names:
        name = alias.asname or alias.name
        if name in ("claim", "check", "w", "*") or name.startswith("__"):
            raise Bad(f"import of {alias.name} as {name}")
        if isinstance(node, ast.ImportFrom):
            _attribute(alias.name, "import of")


def _attribute(name: str, doing: str) -> None:
    if name.startswith("_"):
        raise Bad(f"private attribute: {doing} {name}")
    if name in RANDOM:
        raise Bad(f"own randomness: {doing} {name}; use w.*")
    if name in ATTRIBUTES or name.startswith(INTROSPECTION):
        raise Bad(f"{doing} {name}")


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
        tree = ast.parse(text, mode="eval")
        for node in ast.walk(tree):
            _node(node)
        contained(tree)
    except SyntaxError as error:
        raise Bad(f"BIND {text!r} is not an expression") from error
