"""Scanning of formulas, the two TeX dialects, blocks and anchors, case by case."""

from __future__ import annotations

import pytest

from agent.article import Article, Formula, anchors, normalise, read
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
