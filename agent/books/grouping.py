"""Which sections of several documents are about the same sub-batch, and which only share its letter."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from agent.books.claims import Document, Group, Mention, TargetClaim
from agent.books.matching import normal

_SUFFIX = re.compile(r"(?:主题|系列|专题)$")


@dataclass(frozen=True, slots=True)
class Cluster:
    """One sub-batch (or a batch as a whole), with every group that is about it, newest first."""

    batch: str
    sub: str
    groups: tuple[Group, ...]

    @property
    def topic(self) -> str:
        """As the newest text names it; a table's short form counts only where there is no other."""
        ranked = sorted(self.groups, key=lambda g: g.table)
        return next((g.topic for g in ranked if g.topic), "")

    @property
    def since(self) -> str:
        """Date of the oldest dated group."""
        return min((g.date for g in self.groups if g.date), default="")

    @property
    def mentions(self) -> tuple[Mention, ...]:
        return tuple(m for g in self.groups for m in g.mentions)

    @property
    def targets(self) -> tuple[tuple[str, TargetClaim], ...]:
        """(date, claim), newest first."""
        return tuple((g.date, g.targets) for g in self.groups if g.targets)


def clusters(documents: Iterable[Document]) -> tuple[Cluster, ...]:
    """Every sub-batch that documents tell of, by batch, letter and age.

    Two groups with one letter are the same when their topics agree or they name an article in common;
    otherwise they stay two.
    """
    bags: list[list[Group]] = []
    every = [g for d in documents for g in d.groups]
    # Sections with articles first, oldest first: what has none can only join what is there.
    ordered = sorted(enumerate(every), key=lambda p: (p[1].table, not p[1].mentions, p[1].date, -p[0]))
    for _, group in ordered:
        rivals = [b for b in bags if (b[0].batch, b[0].sub) == (group.batch, group.sub)]
        alike = [b for b in rivals if any(_same(group, g) for g in b)]
        if group.table and len(rivals) > 1:
            alike = [b for b in rivals if any(_topic(group) == _topic(g) for g in b)]
        home = alike[0] if alike else None
        if home is None and rivals and (group.table or not group.topic):
            # A row or a bare heading defines nothing by itself: with one candidate it belongs to it, with
            # several it is about all of them.
            home = rivals[0] if len(rivals) == 1 else None
            if home is None:
                continue
        if home is None:
            bags.append([group])
        else:
            home.append(group)
    found = [Cluster(b[0].batch, b[0].sub, tuple(sorted(b, key=_age, reverse=True))) for b in bags]
    return tuple(sorted(found, key=lambda c: (_number(c.batch), c.sub, c.since, c.topic)))


def _age(group: Group) -> tuple[str, int]:
    # Reports are newest first, so of one day the upper section is the newer.
    return group.date, -group.place.line


def _number(batch: str) -> tuple[int, str]:
    return (int(batch), "") if batch.isdigit() else (1_000_000, batch)


def _same(one: Group, other: Group) -> bool:
    if one.sub == "":
        return True
    mine, theirs = _topic(one), _topic(other)
    if mine and mine == theirs:
        return True
    articles, others = _articles(one), _articles(other)
    if articles & others:
        return True
    if (articles and others) or not mine or not theirs:
        return False
    return mine in theirs or theirs in mine or difflib.SequenceMatcher(None, mine, theirs).ratio() > 0.6


def _topic(group: Group) -> str:
    return normal(_SUFFIX.sub("", group.topic))


def _articles(group: Group) -> set[str]:
    return {normal(m.title) for m in group.mentions} | {m.file for m in group.mentions if m.file}
