"""Scanning of formulas, the two TeX dialects, blocks and anchors, case by case."""

from __future__ import annotations

import pytest

from agent.article import Article, Formula, anchors, normalise, read
from agent.article.tex import numbered
from tests.article.golden import Case, cases


def one(formula: Formula) -> str:
    words = [f"{formula.line}:{formula.column}", formula.kind, formula.env]
    if formula.labels:
        words.append("labels=" + ",".join(formula.labels))
    if formula.tags:
        words.append("tags=" + ",".join(formula.tags))
    if formula.numbered:
        words.append(f"numbered={formula.numbered}")
    return " ".join(words) + " | " + formula.tex.replace("\n", "⏎")


def mathematics(article: Article) -> str:
    rows = [one(formula) for formula in article.formulas]
    rows += [f"{stray.line}:{stray.column} stray {stray.name}" for stray in article.strays]
    return "".join(f"{row}\n" for row in rows)


def structure(article: Article) -> str:
    rows = [f"{block.first}-{block.last} {block.kind}{' open' * block.open}" for block in article.blocks]
    rows.append("anchors " + " ".join(str(anchor.line) for anchor in anchors(article)))
    return "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize("case", cases("formulas"), ids=lambda case: case.name)
def test_formulas(case: Case) -> None:
    assert mathematics(read(case.given.encode(), "a.md")) == case.expected


@pytest.mark.parametrize("case", cases("dialect"), ids=lambda case: case.name)
def test_dialect(case: Case) -> None:
    assert normalise(case.given) == case.expected
    assert normalise(case.expected) == case.expected, "plain TeX is left alone"


@pytest.mark.parametrize("case", cases("blocks"), ids=lambda case: case.name)
def test_blocks(case: Case) -> None:
    assert structure(read(case.given.encode(), "a.md")) == case.expected


# As MathJax 3.2.2 counts with tags: 'ams'; each figure is its own counter's after the formula.
NUMBERED = {
    r"\begin{align}a\\b\\ \end{align}": 2,
    r"\begin{align}a\\\\b\end{align}": 3,
    r"\begin{align}\\a\end{align}": 2,
    r"\begin{align}\end{align}": 0,
    r"\begin{align}a\cr b\end{align}": 2,
    r"\begin{align}a\label{x}\\ \label{y}\end{align}": 1,
    r"\begin{align}{a\\b}\end{align}": 1,
    r"\begin{align}a\\[3pt]b\\ [3pt] c\end{align}": 3,
    "\\begin{align}a\\\\%x\\\\y\nb\\end{align}": 2,
    r"\begin{equation}\end{equation}": 1,
    r"\begin{equation}\begin{aligned}a\notag\end{aligned}\end{equation}": 1,
    r"\begin{equation}\begin{split}a\\b\end{split}\end{equation}": 1,
    r"\begin{equation}a\tag{1}\end{equation}": 0,
    r"\begin{equation*}a\tag{1}\end{equation*}": 0,
    r"\begin{gather}a\\ \begin{aligned}x\\y\end{aligned}\end{gather}": 2,
    r"\begin{gather}\text{a\\b}\end{gather}": 1,
    r"\begin{multline}a\\b\notag\end{multline}": 0,
    r"\begin{eqnarray}a&=&b\\ \nonumber c&=&d\end{eqnarray}": 1,
    r"\begin{alignat}{2}a&b\\c&d\end{alignat}": 2,
    r"\begin{aligned}a\\b\end{aligned}": 0,
}


@pytest.mark.parametrize("tex", NUMBERED)
def test_rows_that_get_a_number(tex: str) -> None:
    assert numbered(tex) == NUMBERED[tex]
