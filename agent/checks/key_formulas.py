"""The source's formulas have gone."""

from __future__ import annotations

import re

from agent.article import Article, Formula
from agent.checks.page import Page
from agent.records import Finding

_ORNAMENT = re.compile(
    r"\\(?:begin|end)\{[^}]*\}|\\label\{[^}]*\}|\\tag\*?\{[^}]*\}|\\(?:left|right|big|Big|bigg|Bigg|displaystyle|,|;|!|quad|qquad)(?![A-Za-z])"
    r"|\\boldsymbol|\\mathbf|\\Vert|\\\||[\s{}&,.]|\\\\(?:\[[^\]]*\])?"
)
GONE = 0.3
_FEW = 3


def check(page: Page) -> list[Finding]:
    """The formulas the source is about still stand: those with labels, or all displays where few have one.

    Compared without spacing, numbering and font commands, against displayed and inline formulas. Less than
    30% left is an error: the text derives something else. What is left out one by one, ``survival`` tells.
    """
    if page.source is None or page.is_part:
        return []
    key = [formula for formula in page.source.displays if formula.labels]
    if len(key) < _FEW:
        key = list(page.source.displays)
    if len(key) < _FEW:
        return []
    text = "\0".join(_bare(formula) for formula in page.article.formulas)
    left = [formula for formula in key if _bare(formula) in text]
    share = len(left) / len(key)
    if share >= GONE:
        return []
    message = f"{len(left)} of the source's {len(key)} key formulas still stand"
    return [Finding("drift", "key_formulas", "error", message, _first_formula(page.article))]


def _bare(formula: Formula) -> str:
    return _ORNAMENT.sub("", formula.tex)


def _first_formula(article: Article) -> int:
    return article.displays[0].line if article.displays else 0
