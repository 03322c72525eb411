"""Reading Python blocks without running them: does a block compile, and which names does it use but not bind?

A helper of the code rules. Nothing here runs code; running is for the laboratory.
"""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

GIVEN = frozenset(dir(builtins)) | {"__file__", "__doc__", "__name__", "__builtins__", "__annotations__"}
"""Names a module has without binding them."""

_NOTEBOOK = re.compile(r"^\s*+[!%]\s*[A-Za-z]")
_PROMPT = re.compile(r"^\s*+(>>>|\.\.\.)( |$)")


@dataclass(frozen=True, slots=True)
class Use:
    """A name that is read and bound in no scope between its place and the module's."""

    name: str
    line: int
    """1-based, within the block."""
    deferred: bool
    """True inside a function: it is looked up when the function is called, not where it stands."""
    guarded: bool = False
    """True under ``try``, ``if``, ``for`` or ``while``: whether it is reached cannot be told by reading."""


@dataclass(frozen=True, slots=True)
class Program:
    """A block that compiles."""

    tree: ast.Module
    binds: dict[str, int]
    """Module-level names and the line of their first binding; 0 where a function binds it by ``global``."""
    uses: tuple[Use, ...]
    star: bool
    """True with ``from x import *``: then nothing can be said about unbound names."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A block that does not compile."""

    line: int
    message: str
    python2: bool = False
    """Valid in Python 2, as far as the compiler's own message tells."""


def is_session(code: str) -> bool:
    """An interpreter or notebook session (``>>>``, ``%magic``, ``!command``): shown, not a program."""
    lines = [line for line in code.splitlines() if line.strip()]
    return any(_PROMPT.match(line) and ">>>" in line for line in lines) or any(map(_NOTEBOOK.match, lines))


@lru_cache(maxsize=512)
def read(code: str) -> Program | Broken:
    """Compile ``code`` (dedented, top-level ``await`` allowed) and analyse its names. Kept by its text: several rules
    ask, for the page and for its source, and none changes what it is given."""
    text = textwrap.dedent(code)
    try:
        with warnings.catch_warnings():
            # An invalid escape in a generated string is the block's business, not this process's.
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            compile(text, "<block>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        message = error.msg or "invalid syntax"
        return Broken(error.lineno or 1, message, "Missing parentheses in call to" in message)
    except (ValueError, RecursionError, MemoryError) as error:
        return Broken(1, f"{type(error).__name__}: {error}")
    return Program(tree, _module_binds(tree), tuple(_uses(tree)), _has_star(tree))


def _has_star(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
        for node in ast.walk(tree)
    )


_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSION = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_GUARD = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.IfExp, ast.BoolOp, ast.Match)


def _module_binds(tree: ast.Module) -> dict[str, int]:
    binds: dict[str, int] = {}
    for name, line in _bound(tree.body):
        binds[name] = min(line, binds.get(name, line))
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            for name in node.names:
                binds.setdefault(name, 0)
    return binds


def _bound(body: list[ast.stmt] | list[ast.AST]) -> Iterator[tuple[str, int]]:
    """Names bound by statements of one scope, without entering the scopes inside it."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        yield from _binds_here(node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            pending.extend(node.decorator_list)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, _COMPREHENSION):
            # Only a walrus inside a comprehension binds outside it.
            pending.extend(n for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
            continue
        pending.extend(ast.iter_child_nodes(node))


def _binds_here(node: ast.AST) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node.id, node.lineno
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name, node.lineno
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0], node.lineno
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name, node.lineno
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest, node.lineno


def _uses(tree: ast.Module) -> Iterator[Use]:
    for statement in tree.body:
        yield from _walk(statement, frozenset(), deferred=False, guarded=False)


def _walk(node: ast.AST, local: frozenset[str], *, deferred: bool, guarded: bool) -> Iterator[Use]:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in local:
            yield Use(node.id, node.lineno, deferred, guarded)
        return
    if isinstance(node, _FUNCTION):
        yield from _walk_function(node, local, deferred=deferred, guarded=guarded)
        return
    if isinstance(node, ast.ClassDef):
        yield from _walk_class(node, local, deferred=deferred, guarded=guarded)
        return
    if isinstance(node, _COMPREHENSION):
        targets: list[ast.AST] = [generator.target for generator in node.generators]
        local = local | {name for name, _ in _bound(targets)}
    guarded = guarded or isinstance(node, _GUARD)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, local, deferred=deferred, guarded=guarded)


def _walk_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
    local: frozenset[str],
    *,
    deferred: bool,
    guarded: bool,
    outer: frozenset[str] = frozenset(),
) -> Iterator[Use]:
    """``outer``: names that decorators and defaults see besides, those of the class around a method."""
    arguments = node.args
    outside: list[ast.AST] = [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
    if not isinstance(node, ast.Lambda):
        outside += node.decorator_list
    for child in outside:
        yield from _walk(child, local | outer, deferred=deferred, guarded=guarded)
    # Annotations are left out: they may be strings, or never looked at.
    body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    parameters += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    declared = {
        name for child in body for n in ast.walk(child) if isinstance(n, ast.Global) for name in n.names
    }
    inner = local | {a.arg for a in parameters} | ({name for name, _ in _bound(body)} - declared)
    for child in body:
        yield from _walk(child, inner | {"__class__", "super"}, deferred=True, guarded=guarded)


def _walk_class(node: ast.ClassDef, local: frozenset[str], *, deferred: bool, guarded: bool) -> Iterator[Use]:
    for child in [*node.bases, *node.keywords, *node.decorator_list]:
        yield from _walk(child, local, deferred=deferred, guarded=guarded)
    # A class's names are seen by its own statements, not by its methods.
    own = local | {name for name, _ in _bound(node.body)} | {"__module__", "__qualname__"}
    for child in node.body:
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _walk_function(child, local, deferred=deferred, guarded=guarded, outer=own)
        else:
            yield from _walk(child, own, deferred=deferred, guarded=guarded)
