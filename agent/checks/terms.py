"""The key terms of an article: what it is about, in its own words."""

from __future__ import annotations

import re
from collections import Counter

from agent.article import Article, prose

_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\n]*\)|https?://[^\s)>]+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9\-]*[A-Za-z0-9](?: [A-Z][A-Za-z0-9\-]+)*")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_COMMON_HAN = re.compile(
    r"[的了是在有和与就也都而及或这那个们我你他它着到把被让给对从向为以于之其则并且但却很更最还又再不没可能会要应该如果因为所以此时所述]"
)
_COMMON_LATIN = re.compile(
    r"the|and|for|with|from|that|this|are|was|not|all|can|has|have|its|one|two|more|than|into|over|such|our|out|also"
    r"|www|com|https?|html|pdf|org|archives|spaces|ac|cn|blog|post|retrieved|online|url|title|author|year|month",
    re.IGNORECASE,
)


def of(article: Article, most: int = 24) -> tuple[str, ...]:
    """The most frequent technical terms, those of the title first.

    A term is a Latin word or name used twice, or a sequence of three to six Han characters without function
    words used three times; a sequence that stands mostly inside a longer one is left out.
    """
    text = _LINK.sub(r"\1", prose(article)[article.body :])
    text = text.split("转载到请包括本文地址")[0]
    latin = Counter(w for w in _LATIN.findall(text) if len(w) > 2 and not _COMMON_LATIN.fullmatch(w))
    counts = {w: n for w, n in latin.items() if n >= 2} | _closed(_sequences(text))
    ranked = sorted(counts, key=lambda w: (w not in article.title, -counts[w] * len(w), w))
    return tuple(ranked[:most])


def _sequences(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for run in _HAN.findall(_COMMON_HAN.sub(" ", text)):
        for length in range(3, 7):
            for i in range(len(run) - length + 1):
                found[run[i : i + length]] += 1
    return found


def _closed(sequences: Counter[str]) -> dict[str, int]:
    """Sequences used three times that are no mere part, at either end, of a longer one used as often."""
    frequent = {w: n for w, n in sequences.items() if n >= 3}
    parts: set[str] = set()
    for longer, n in frequent.items():
        for part in (longer[1:], longer[:-1]):
            if frequent.get(part, 0) and n >= 0.7 * frequent[part]:
                parts.add(part)
    return {w: n for w, n in frequent.items() if w not in parts}
