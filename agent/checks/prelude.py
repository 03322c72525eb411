"""What the rest of a page leaves behind for a part: its macros and its labels."""

from __future__ import annotations

import re

from agent.article import Article

DEFINES = re.compile(
    r"\\(?:re)?newcommand|\\(?:g|e|x)?def\b|\\let\b|\\DeclareMathOperator|\\(?:re)?newenvironment"
)
"""A formula that defines something which later formulas may use."""
_LABEL = re.compile(r"\\label\s*\{[^{}]*\}")


def of(article: Article) -> tuple[str, ...]:
    """TeX for :attr:`Page.prelude`: the formulas that define macros, and an empty equation for each label.

    A part that defines one of these labels again would break the page, and MathJax says so.
    """
    macros = [_LABEL.sub("", f.tex) for f in article.formulas if DEFINES.search(f.tex)]
    labels = [rf"0\label{{{label.name}}}" for label in article.labels]
    return (*macros, *labels)
