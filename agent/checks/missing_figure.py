"""Figures that do not exist."""

from __future__ import annotations

import ast
import re
from urllib.parse import unquote, urlsplit

from agent.checks import blocks, python
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding

_PICTURE = re.compile(r"\.(?:png|jpe?g|svg|gif|pdf|webp)$", re.IGNORECASE)


def check(page: Page) -> list[Finding]:
    """Every local picture the text shows exists, and a file that shown code saves is there to be seen.

    A picture that is shown and missing is an error. ``savefig`` to a file that is nowhere is a warning: a
    reader who runs the code gets it. Nothing is said where it is not known which files exist.
    """
    if page.assets is None:
        return _unshown(page, frozenset())
    found = []
    for image in page.article.images:
        parts = urlsplit(image.url)
        if parts.scheme or parts.netloc or image.url.startswith(("/", "{{", "#")):
            continue
        if unquote(parts.path).removeprefix("./") not in page.assets:
            message = f"the picture {image.url} does not exist"
            found.append(Finding("code", "missing_figure", "error", message, image.line))
    return found + _unshown(page, page.assets)


def _unshown(page: Page, assets: frozenset[str]) -> list[Finding]:
    """``savefig`` in added code whose file is neither shown nor there."""
    shown = {unquote(image.url).rsplit("/", 1)[-1] for image in page.article.images}
    there = shown | {name.rsplit("/", 1)[-1] for name in assets}
    added = ours(page)
    found = []
    for block in blocks.of(page.article):
        if block.role or not isinstance(block.read, python.Program) or block.code.line not in added:
            continue
        for name, line in _saved(block.read.tree):
            if name.rsplit("/", 1)[-1] not in there:
                message = f"the figure {name} is saved by code that was never run: there is no such file"
                found.append(Finding("code", "missing_figure", "warning", message, block.line(line)))
    return found


def _saved(tree: ast.Module) -> list[tuple[str, int]]:
    names = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "savefig"
        ):
            target = node.args[0] if node.args else None
            name = target.value if isinstance(target, ast.Constant) else None
            if isinstance(name, str) and _PICTURE.search(name):
                names.append((name, node.lineno))
    return names
