"""``...`` and pseudo-code passed off as code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from agent.checks import blocks, python
from agent.checks.page import Page
from agent.records import Finding, Severity

_COMMENT = re.compile(
    r"#\s*(?:\.{3,}|…+)|#\s*(?:此处|这里|其余|剩余|后续|省略)[^\n]{0,12}(?:省略|略|代码|实现|不变|相同)"
    r"|#\s*(?:省略|略去)|#\s*(?:TODO|FIXME)\b|#[^\n]{0,20}\b(?:rest of|omitted|your code here|as before)\b",
    re.IGNORECASE,
)
_STUB_BASES = frozenset({"Protocol", "ABC", "ABCMeta", "TypedDict", "NamedTuple"})
_STUB_DECORATORS = frozenset({"overload", "abstractmethod", "abstractproperty"})
_PYDANTIC = frozenset({"Field", "Query", "Path", "Body", "Header", "Depends", "File", "Form"})


def check(page: Page) -> list[Finding]:
    """No ``...`` where code should stand, no comment that stands for code.

    Protocols, overloads, abstract methods, ``x[..., 0]`` and ``Tuple[int, ...]`` use it rightly. A comment is
    a warning: the code around it may be whole; so is ``...`` in a text whose origin is not known, since an
    author may show an excerpt.
    """
    severity: Severity = "error" if page.provenance_known else "warning"
    found = []
    for block in blocks.of(page.article):
        for number, line in enumerate(block.code.text.split("\n"), start=1):
            comment = _COMMENT.search(line)
            if comment:
                message = f"a comment stands for code: {comment.group().strip()}"
                found.append(Finding("code", "elided", "warning", message, block.line(number)))
        if isinstance(block.read, python.Program):
            for line_number, what in _ellipses(block.read.tree):
                message = f"... stands for {what}"
                found.append(Finding("code", "elided", severity, message, block.line(line_number)))
    return found


def _ellipses(node: ast.AST, *, stub: bool = False) -> Iterator[tuple[int, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and _is_ellipsis(child.value):
            if not stub:
                yield child.lineno, "code"
        elif isinstance(child, (ast.Assign, ast.AnnAssign, ast.Return)) and _is_ellipsis(child.value):
            if not stub:
                yield child.lineno, "a value"
        elif isinstance(child, ast.Call) and any(map(_is_ellipsis, child.args)):
            if _name(child.func) not in _PYDANTIC:
                yield child.lineno, "arguments"
        else:
            yield from _ellipses(child, stub=_inherits(child, stub))


def _is_ellipsis(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _inherits(node: ast.AST, stub: bool) -> bool:
    """A method of a protocol is a stub; a class inside a stub is judged by itself."""
    return _is_stub(node) if isinstance(node, ast.ClassDef) else stub or _is_stub(node)


def _is_stub(node: ast.AST) -> bool:
    if isinstance(node, ast.ClassDef):
        names = {_name(base) for base in [*node.bases, *(k.value for k in node.keywords)]}
        if names & _STUB_BASES:
            return True
        return any(_is_stub(child) for child in node.body if isinstance(child, ast.FunctionDef))
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return bool({_name(decorator) for decorator in node.decorator_list} & _STUB_DECORATORS)
    return False


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, (ast.Call, ast.Subscript)):
        return _name(node.func if isinstance(node, ast.Call) else node.value)
    return node.id if isinstance(node, ast.Name) else ""
