"""Paragraphs said twice."""

from __future__ import annotations

from agent.checks.page import Page
from agent.checks.paragraphs import Paragraph, added
from agent.records import Finding

LEAST = 40
"""Letters; shorter paragraphs repeat by nature (以下记…)."""
ALIKE = 0.75
"""Jaccard similarity of the sets of five-character shingles, after Broder, "On the resemblance and
containment of documents" (1997)."""
_SHINGLE = 5


def check(page: Page) -> list[Finding]:
    """No added paragraph says again what an earlier one says: similarity of 0.75 is a warning."""
    paragraphs = list(added(page, least=LEAST))
    shingles = [_shingles(paragraph) for paragraph in paragraphs]
    found = []
    for later in range(1, len(paragraphs)):
        for earlier in range(later):
            if _similar(shingles[earlier], shingles[later]):
                first = paragraphs[earlier].line
                message = f"nearly the same paragraph as in line {first}"
                place = paragraphs[later].line
                found.append(Finding("padding", "near_duplicate", "warning", message, place))
                break
    return found


def _shingles(paragraph: Paragraph) -> frozenset[str]:
    text = paragraph.letters
    return frozenset(text[i : i + _SHINGLE] for i in range(len(text) - _SHINGLE + 1))


def _similar(one: frozenset[str], other: frozenset[str]) -> bool:
    # Sets whose sizes differ too much cannot be alike; most pairs end here.
    if min(len(one), len(other)) < ALIKE * max(len(one), len(other)):
        return False
    common = len(one & other)
    return common >= ALIKE * (len(one) + len(other) - common)
