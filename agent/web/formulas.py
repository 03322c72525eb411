"""Formulas as a review page shows them: each one by itself, its number and its references already worked out.

A page is typeset lazily and out of order, so no formula may depend on a counter or a label of another. The numbers
are those the site would give (MathJax `tags: 'ams'`), computed from the whole page and written as tags.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from agent.article import Article, Formula
from agent.article.tex import DEFINES, LABEL, REFERENCE, TAG
from agent.pipeline.badges import file_name
from agent.pipeline.tags import BY_ROW, split_rows, tag_display

UNKNOWN = "???"


@dataclass(frozen=True, slots=True)
class Shown:
    """One formula of a page."""

    tex: str
    """For MathJax: numbered by tags, without labels, references replaced by their numbers."""
    display: bool
    labels: tuple[str, ...]
    tags: tuple[str, ...]
    """Numbers it shows, as in `(E3)` without the parentheses."""
    rows: int
    """Rough height in rows, so that a page keeps its length while it is typeset."""
    only: tuple[str, str] | None
    """(command, label) where it is nothing but a reference: then no mathematics is typeset at all."""


@dataclass(frozen=True)
class Formulas:
    shown: tuple[Shown, ...]
    """In the order of ``Article.formulas``."""
    numbers: Mapping[str, str]
    """Label → the number it is shown with."""
    prelude: tuple[str, ...]
    """TeX that defines macros; typeset before anything else, in order."""


def formulas_of(article: Article) -> Formulas:
    """Number every formula of a page and resolve its references."""
    counter = 0
    tagged: list[str] = []
    numbers: dict[str, str] = {}
    for formula in article.formulas:
        tex = formula.tex
        if formula.kind == "display" and formula.numbered:
            tex, counter = tag_display(formula.env, tex, counter, series="")
        tagged.append(tex)
        if formula.labels:
            for label, number in _numbered_labels(formula.env, tex):
                numbers.setdefault(label, number)
    shown = tuple(_shown(f, tex, numbers) for f, tex in zip(article.formulas, tagged, strict=True))
    return Formulas(shown, numbers, tuple(s.tex for s in shown if DEFINES.search(s.tex)))


def _numbered_labels(env: str, tex: str) -> list[tuple[str, str]]:
    rows = [tex]
    if env.rstrip("*") in BY_ROW:
        inner = tex[tex.find("}") + 1 : tex.rfind("\\end{")]
        rows = [row for row, _ in split_rows(inner)]
    found = []
    for row in rows:
        tag = TAG.search(row)
        found += [(label, tag[1] if tag else UNKNOWN) for label in LABEL.findall(row)]
    return found


def _shown(formula: Formula, tex: str, numbers: Mapping[str, str]) -> Shown:
    only = REFERENCE.fullmatch(tex.strip()) if formula.kind == "inline" else None
    shown = REFERENCE.sub(lambda m: _reference(m, numbers), LABEL.sub("", tex))
    rows = 1 + formula.tex.count("\\\\") + formula.tex.count("\\frac") // 2
    return Shown(
        shown,
        formula.kind == "display",
        formula.labels,
        tuple(TAG.findall(tex)),
        min(rows, 30),
        (only[1], only[2]) if only else None,
    )


def _reference(match: re.Match[str], numbers: Mapping[str, str]) -> str:
    number = numbers.get(match[2], UNKNOWN)
    return f"\\text{{({number})}}" if match[1] == "eqref" else f"\\text{{{number}}}"


def anchor_of(number: str) -> str:
    """The id of the display with this number."""
    return f"eq-{file_name(number)}"


def reference_html(command: str, label: str, numbers: Mapping[str, str]) -> str:
    """A reference in prose, as a link to its display."""
    number = numbers.get(label)
    if number is None:
        return f'<span class="eqref lost" title="{escape(label)}">({UNKNOWN})</span>'
    text = f"({number})" if command == "eqref" else number
    return f'<a class="eqref" href="#{anchor_of(number)}" title="{escape(label)}">{escape(text)}</a>'


def formula_html(shown: Shown, numbers: Mapping[str, str], badges: str = "") -> str:
    """A formula before it is typeset: its TeX, readable as it is where no script runs."""
    if shown.only is not None:
        return reference_html(*shown.only, numbers)
    if not shown.display:
        return f'<span class="math">{escape(shown.tex)}</span>'
    ids = "".join(f'<span id="{anchor_of(t)}" class="eq-anchor"></span>' for t in shown.tags)
    kind = "display badged" if badges else "display"
    return (
        f'<span class="{kind}">{ids}<span class="math" data-display="1" data-rows="{shown.rows}">'
        f"{escape(shown.tex)}</span>{badges}</span>"
    )
