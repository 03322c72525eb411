"""What the rest of a page leaves behind for a part: its macros and its labels."""

from __future__ import annotations

from agent.article import Article
from agent.article.tex import DEFINES, LABEL


def of(article: Article) -> tuple[str, ...]:
    """TeX for :attr:`Page.prelude`: the formulas that define macros, and an empty equation for each label.

    A part that defines one of these labels again would break the page, and MathJax says so.
    """
    macros = [LABEL.sub("", f.tex) for f in article.formulas if DEFINES.search(f.tex)]
    labels = [rf"0\label{{{label.name}}}" for label in article.labels]
    return (*macros, *labels)
