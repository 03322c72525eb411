"""A small badge behind each witnessed formula, linked to the program that recomputes it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from agent.article import read
from agent.pipeline.evidence import VERDICTS, named

SAID = {verdict: word for verdict, word in VERDICTS.items() if verdict != "unchecked"}
"""Verdicts that get a badge; what was not checked gets none."""


BADGE = re.compile(r' ?<small class="witness">[^\n]*?</small>')
PLAIN = re.compile(r"(?!.*-[0-9a-f]{10}$)[A-Za-z0-9_.]+(?::[A-Za-z0-9_.-]+)?")
"""Labels that a file name tells apart from all others when its first colon becomes a hyphen; one that ends like a
digest could be the name of another."""
LONGEST = 100
"""Characters of a file name; file systems take 255 bytes, and a planner may write longer labels."""


def file_name(label: str) -> str:
    """A label as the name of a file, without suffix, or as a place on a page. A digest tells apart what the name alone
    could not."""
    safe = re.sub(r"[^A-Za-z0-9_.-]", "-", label)
    if PLAIN.fullmatch(label) and len(safe) <= LONGEST:
        return safe
    digest = hashlib.sha256(label.encode()).hexdigest()[:10]
    return f"{safe[: LONGEST - len(digest) - 1]}-{digest}"


def witness_file(label: str) -> str:
    """File name of a formula's witness below `assets/<slug>/`."""
    return f"witness-{file_name(label)}.py"


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
