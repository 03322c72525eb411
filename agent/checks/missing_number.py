"""Equation numbers in words, such as 式(17), that no equation has."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.text import prose_lines
from agent.records import Finding, Severity

_NUMBER = r"[（(]\s*([A-Z]?\d{1,3}(?:[.\-]\d{1,3})*[a-z]?)\s*[)）]"
_AFTER = re.compile(rf"(?:[公算]?式|方程|等式|表达式|[Ee]q(?:uation|s?\.)?)\s*{_NUMBER}")
_BEFORE = re.compile(rf"{_NUMBER}\s*式")
_FURTHER = re.compile(rf"\s*(?:[、,，和与及]|至|到|以及)\s*(?:式)?\s*{_NUMBER}")
_ELSEWHERE = re.compile(r"(?:原文|原论文|论文|文献|原作|书中|教材|上一?篇|前一?篇|上文章|》)[^，。；]{0,10}$")


def check(page: Page) -> list[Finding]:
    """式(17), (17) 式, Eq. (17): the page has an equation with that number, by ``\\tag`` or counted.

    A number said to be another text's (原文式(171)) is a warning. A part has no numbers yet: it writes
    ``\\eqref``.
    """
    known = numbers(page)
    found = []
    for number, line in enumerate(prose_lines(page.article), start=1):
        for column, value in _mentions(line):
            if page.is_part:
                found.append(
                    _finding("error", f"({value}) by hand: write \\eqref with a label", number, column)
                )
            elif value not in known:
                elsewhere = _ELSEWHERE.search(line[: column - 1])
                message = f"no equation of this page has the number ({value})"
                found.append(_finding("warning" if elsewhere else "error", message, number, column))
    return found


def numbers(page: Page) -> set[str]:
    """Numbers a reader sees, a letter left out as well: (16) stands for 16a and 16b together."""
    tags = {tag.strip().strip("()（）") for formula in page.article.formulas for tag in formula.tags}
    count = sum(formula.numbered for formula in page.article.formulas)
    automatic = {str(n) for n in range(1, count + 1)}
    return tags | automatic | {re.sub(r"[a-z]$", "", tag) for tag in tags}


def _mentions(line: str) -> list[tuple[int, str]]:
    """(column, number) of each mention, 式(3)和(5) giving two."""
    found = {}
    for match in _AFTER.finditer(line):
        found[match.start() + 1] = match.group(1)
        end = match.end()
        while further := _FURTHER.match(line, end):
            found[further.start(1)] = further.group(1)
            end = further.end()
    for match in _BEFORE.finditer(line):
        if match.start() not in found:
            found[match.start() + 1] = match.group(1)
    return sorted(found.items())


def _finding(severity: Severity, message: str, line: int, column: int) -> Finding:
    return Finding("references", "missing_number", severity, message, line, column)
