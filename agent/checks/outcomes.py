"""MathJax's word on every formula of a page, sorted by what it is about.

Several rules use it; the reading itself is done once (:func:`agent.checks.mathjax.read` remembers pages).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from agent.article import Formula
from agent.checks import mathjax
from agent.checks.page import Page

Concern = Literal["tag", "label", "environment", "tex"]

_ENVIRONMENT = re.compile(r"\\begin\{|\\end\{|Missing \\end|Erroneous nesting|[Uu]nknown environment")


def concern(message: str) -> Concern:
    if r"\tag" in message:
        return "tag"
    if r"\label" in message or message.startswith("Label "):
        return "label"
    if _ENVIRONMENT.search(message) and "Unknown environment" not in message:
        return "environment"
    return "tex"


def of(page: Page, about: Concern) -> Iterator[tuple[Formula, str]]:
    """Formulas that fail, with MathJax's message. Raises :class:`agent.checks.mathjax.Unread`."""
    formulas = page.article.formulas
    messages = mathjax.read([(f.tex, f.kind == "display") for f in formulas], page.prelude)
    for formula, message in zip(formulas, messages, strict=True):
        if message and concern(message) == about:
            yield formula, message


def place(formula: Formula, message: str) -> tuple[int, int]:
    """Line and column of what a message names (``\\foo``, an environment), else where the formula begins."""
    named = re.search(r"\\[A-Za-z]+(?:\{\w+\*?\})?", message)
    at = formula.raw.find(named.group()) if named else -1
    if at <= 0:
        return formula.line, formula.column
    before = formula.raw[:at]
    row = before.count("\n")
    column = at - before.rfind("\n") if row else formula.column + at
    return formula.line + row, column
