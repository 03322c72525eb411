"""Author–year mentions that come from nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.checks.known_works import MARK, is_confirmed
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.checks.text import prose_lines
from agent.records import Finding, Severity

_NAME = r"(?:van |von |de |Le )?[A-ZÀ-Ý][A-Za-zÀ-ÿ’'\-]*[a-zà-ÿ]"
_YEAR = r"(1[89]\d\d|20\d\d)[a-z]?"
_AND = r"\s*(?:,?\s*&|,?\s+and|和|与)\s*"
_ET_AL = r"(?:\s*,?\s*et\s+al\.?|\s*等人|\s*等(?=\s*[（(]))"

_MANY = re.compile(
    rf"(?<![A-Za-z])({_NAME}){_ET_AL}(?:\s*(?:在|于)?\s*[（(,，]?\s*{_YEAR}|[^。；（）()]{{0,4}})"
)
_TWO = re.compile(rf"(?<![A-Za-z])({_NAME}){_AND}({_NAME})\s*(?:在|于)?\s*[（(,，]?\s*{_YEAR}")
_ONE = re.compile(rf"(?<![A-Za-z])({_NAME})\s*[（(]\s*{_YEAR}\s*[)）]")
_LISTED = re.compile(rf"^\s*+(?:\d+\.|[-*]|\[\d+\])\s+({_NAME}),\s*(?:[A-Z]\.[\s,&-]*)+.*?[（(]{_YEAR}[)）]")
_YEAR_FIRST = re.compile(rf"{_YEAR}[^。\n]{{0,40}}?[（(]({_NAME})(?:{_ET_AL}|{_AND}({_NAME}))")

_NO_AUTHOR = re.compile(
    r"Ada[mM]|AdamW|Ada[Gg]rad|BERT|GPT|GAN|LSTM|ResNet|Transformer|Windows|Python|PyTorch|TensorFlow|Chrome|Linux"
    r"|CVPR|ECCV|ICCV|EMNLP|NAACL|ICLR|ICML|JMLR|NIPS|NeurIPS|IEEE|PNAS|Nature|Science|Workshop|Proceedings"
    r"|Google|OpenAI|DeepMind|Meta|Microsoft|Facebook|Section|Figure|Table|Theorem|Lemma|Chapter|Version"
    r"|(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)(?:uary|ruary|ch|il|ust|ember|ober)?"
)
"""Products, venues, months: a year in parentheses behind them cites nobody."""


def check(page: Page) -> list[Finding]:
    """``Soudry et al. (2018)``, ``Ji 和 Telgarsky (2019)``, a reference list: each is in the source,
    confirmed, or marked 待核实 in the same line.

    A single name with a year may be a model or a product: a warning, as is et al. without a year.
    """
    if not page.provenance_known:
        return []
    added = ours(page)
    found = []
    for number, line in enumerate(prose_lines(page.article), start=1):
        if number not in added or MARK in page.article.lines[number - 1]:
            continue
        for column, names, year, sure in _mentions(line):
            if not is_confirmed(page, names, year):
                shown = " & ".join(names) + (f" ({year})" if year else "")
                message = f"{shown} is neither in the source nor confirmed"
                severity: Severity = "error" if sure and year else "warning"
                found.append(Finding("citations", "author_year", severity, message, number, column))
    return found


def _mentions(line: str) -> Iterator[tuple[int, tuple[str, ...], str, bool]]:
    """(column, names, year, whether it is surely a citation), each stretch of the line once."""
    taken: list[tuple[int, int]] = []
    for pattern, sure in ((_LISTED, True), (_TWO, True), (_YEAR_FIRST, True), (_MANY, True), (_ONE, False)):
        for match in pattern.finditer(line):
            start, stop = match.span()
            if any(start < b and a < stop for a, b in taken):
                continue
            groups = [group for group in match.groups() if group]
            year = next((group for group in groups if group[:4].isdigit()), "")
            names = tuple(group for group in groups if not group[:1].isdigit())
            if not names or any(map(_NO_AUTHOR.fullmatch, names)):
                continue
            if not sure and re.search(r"[a-z][A-Z]", names[0]):
                # DenseNet, ImageNet, RMSProp: capitals within the word name a thing more often than a person.
                continue
            taken.append((start, stop))
            yield start + 1, tuple(name.split()[-1] for name in names), year, sure
