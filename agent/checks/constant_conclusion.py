"""Programs that print a conclusion they did not draw."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from agent.checks import blocks, python
from agent.checks.page import Page
from agent.records import Finding, Severity

_VERDICT = re.compile(
    r"坍缩|崩溃|收敛|发散|保持非零|趋于|接近|最优|最大|最小|最好|成功|失败|优于|劣于|更[好快稳优小大低高]|显著|几乎|符合|吻合|一致"
    r"|正确|成立|验证|证明|证实|稳定|不变|可忽略|避免|converge|collapse|diverge|better|worse|verified|confirmed|correct|optimal|stable"
    r"|as expected|matches",
    re.IGNORECASE,
)
_PARENTHESIS = re.compile(r"[（(]([^（）()]*)[）)]")
_ARROW = re.compile(r"(?:→|=>|->|⇒|——|，|,)\s*([^：:]*)$")
_ABOUT_FILES = re.compile(
    r"保存|加载|下载|开始|完成|saved|loading|loaded|epoch|迭代|训练中|用时", re.IGNORECASE
)
_HEADER = re.compile(r"[：:]\s*$")


def check(page: Page) -> list[Finding]:
    """A printed conclusion follows from a value: it stands under a condition, or is computed.

    ``print(f"最终θ = {theta:.4f} （坍缩到零！）")`` says so whatever θ is: an error. A whole sentence of
    conclusion without any value is a warning, since it may restate what was proved.
    """
    found = []
    for block in blocks.of(page.article):
        if not isinstance(block.read, python.Program):
            continue
        for line, severity, text in _conclusions(block.read.tree, guarded=False):
            message = f"the program prints a conclusion that is a constant string: {text}"
            found.append(Finding("results", "constant_conclusion", severity, message, block.line(line)))
    return found


def _conclusions(node: ast.AST, *, guarded: bool) -> Iterator[tuple[int, Severity, str]]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
        if not guarded:
            for argument in node.args:
                yield from _of_argument(argument)
        return
    inside = guarded or isinstance(node, (ast.If, ast.While, ast.Try, ast.ExceptHandler, ast.Match))
    for child in ast.iter_child_nodes(node):
        yield from _conclusions(child, guarded=inside)


def _of_argument(argument: ast.expr) -> Iterator[tuple[int, Severity, str]]:
    if isinstance(argument, ast.JoinedStr):
        seen_value = False
        for piece in argument.values:
            if isinstance(piece, ast.FormattedValue):
                seen_value = True
            elif seen_value and isinstance(piece, ast.Constant) and isinstance(piece.value, str):
                text = _verdict_in(piece.value)
                if text:
                    yield argument.lineno, "error", text
                    return
    elif isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        text = argument.value.strip()
        if _HEADER.search(text) or _ABOUT_FILES.search(text) or len(text) < 8:
            return
        if _VERDICT.search(text) and not text.startswith(("=", "-", "#")):
            yield argument.lineno, "warning", text


def _verdict_in(text: str) -> str:
    """What a constant piece behind a value concludes, in parentheses or behind an arrow."""
    if _ABOUT_FILES.search(text):
        return ""
    for pattern in (_PARENTHESIS, _ARROW):
        for match in pattern.finditer(text):
            inner = match.group(1).strip()
            if _VERDICT.search(inner) and not _HEADER.search(inner):
                return match.group().strip()
    return ""
