"""Topics: which articles belong into one sub-batch, by series, tags, titles and headings. Deterministic."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

COMMON = 0.4
"""A tag that more than this share of the articles carry says nothing about any of them."""
SMALL = 3
"""A topic has at least so many articles; what belongs to none is put together."""
REST = "其他"
_WORD = re.compile(r"[A-Za-z]{3,}|[\u4e00-\u9fff]{2,4}")


@dataclass(frozen=True, slots=True)
class Candidate:
    slug: str
    file: str
    """Path below the articles folder."""
    title: str
    series: str
    number: int
    tags: tuple[str, ...]
    headings: tuple[str, ...]
    """Where there are no tags."""
    estimate: dict[str, Any] = field(default_factory=dict)


Unit = list[Candidate]
"""A series in its order, or one article."""


def grouped(candidates: Sequence[Candidate], size: int) -> Iterator[tuple[str, list[Candidate]]]:
    """(title, items) of each sub-batch: the largest topic first, what belongs to none last."""
    units = _units(candidates)
    topics: dict[str, list[Unit]] = {}
    for unit, topic in zip(units, _topics(units), strict=True):
        topics.setdefault(topic, []).append(unit)
    order = sorted(topics, key=lambda t: (t == REST, -sum(map(len, topics[t])), t))
    for topic in order:
        packs = _packed(topics[topic], size)
        for n, items in enumerate(packs, 1):
            yield (f"{topic}（{n}）" if len(packs) > 1 else topic), items


def _units(candidates: Iterable[Candidate]) -> list[Unit]:
    """A series is one unit, in its order; any other article is one by itself."""
    series: dict[str, Unit] = {}
    for c in candidates:
        series.setdefault(c.series or f"\0{c.slug}", []).append(c)
    return [sorted(held, key=lambda c: (c.number, c.slug)) for held in series.values()]


def _topics(units: Sequence[Unit]) -> list[str]:
    """The topic of each unit: of its words (see `_claims`), the one with the best claim that enough articles share.

    A topic that too few choose is given up, the smallest first, and those who had chosen it choose again.
    """
    claims = _claims(units)
    chosen = [next(iter(own), REST) for own in claims]
    sizes = [len(unit) for unit in units]
    gone: set[str] = set()
    while True:
        held: Counter[str] = Counter()
        for topic, articles in zip(chosen, sizes, strict=True):
            held[topic] += articles
        small = [t for t, n in held.items() if n < SMALL and t != REST]
        if not small:
            return chosen
        gone.update(small)
        for place, topic in enumerate(chosen):
            if topic in gone:
                chosen[place] = next((t for t in claims[place] if t not in gone), REST)


def _claims(units: Sequence[Unit]) -> list[list[str]]:
    """The words that may be each unit's topic, best first: its tags, or words of its headings where it has none.

    A tag that stands in the title tells what the article is about. Of the others the first of a list counts more than
    the last, which is often filled up with what every article gets; what nearly every article has is left out.
    """
    words = [_words(unit) for unit in units]
    shared = Counter(w for own in words for w in own)
    limit = max(COMMON * len(units), SMALL)
    return [
        sorted(
            (w for w in own if shared[w] <= limit and (shared[w] > 1 or len(unit) > 1)),
            key=lambda w, own=own: (-own[w], -shared[w], w),  # type: ignore[misc]
        )
        for unit, own in zip(units, words, strict=True)
    ]


def _words(unit: Unit) -> Mapping[str, float]:
    """Word → how much it says about a unit, the mean over its articles."""
    found: dict[str, float] = {}
    for c in unit:
        title = c.title.casefold()
        words = c.tags or tuple(dict.fromkeys(w for h in c.headings for w in _WORD.findall(h)))
        for place, word in enumerate(words):
            weight = 2.0 if word.casefold() in title else 1.0 - place / len(words)
            found[word] = found.get(word, 0.0) + weight / len(unit)
    return found


def _packed(units: Sequence[Unit], size: int) -> list[list[Candidate]]:
    """Units into sub-batches of at most ``size`` and about equal length; only a series longer than that is cut."""
    pieces = [list(unit[i : i + size]) for unit in units for i in range(0, len(unit), size)]
    total = sum(map(len, pieces))
    even = ceil(total / ceil(total / size))
    packs: list[list[Candidate]] = []
    for piece in pieces:
        if packs and len(packs[-1]) + len(piece) <= min(size, max(even, len(piece))):
            packs[-1] += piece
        else:
            packs.append(piece)
    return packs
