"""A small badge behind each witnessed formula, linked to the program that recomputes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agent.article import read
from agent.pipeline.evidence import VERDICTS, named

SAID = {verdict: word for verdict, word in VERDICTS.items() if verdict != "unchecked"}
"""Verdicts that get a badge; what was not checked gets none."""


def witness_file(label: str) -> str:
    """File name of a formula's witness below `assets/<slug>/`."""
    return f"witness-{re.sub(r'[^A-Za-z0-9_.-]', '-', label)}.py"


def with_badges(text: str, verdicts: Mapping[str, Any], slug: str) -> str:
    """``text`` with a badge behind the last line of each witnessed display, so that no line is added."""
    pieces: list[str] = []
    at = 0
    for formula in read(text.encode("utf-8"), "section").displays:
        label = next((x for x in formula.labels if x in verdicts), None)
        word = SAID.get(named(verdicts[label])) if label is not None else None
        if label is None or word is None:
            continue
        badge = f'<small class="witness">[{word}](assets/{slug}/{witness_file(label)})</small>'
        pieces += [text[at : formula.stop], " ", badge]
        at = formula.stop
    return "".join([*pieces, text[at:]])
