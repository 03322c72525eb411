"""Names that stand for two things, and things that stand twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from agent.books.claims import Mention
from agent.books.evidence import AuditRow, Evidence, row
from agent.books.grouping import Cluster
from agent.books.matching import normal


def letters(e: Evidence) -> Iterator[AuditRow]:
    """Two different sub-batches under one letter."""
    named: dict[tuple[str, str], list[Cluster]] = {}
    for cluster in e.clusters:
        if cluster.sub:
            named.setdefault((cluster.batch, cluster.sub), []).append(cluster)
    for (batch, sub), rivals in named.items():
        for first, second in pairwise(rivals):
            one, two = (min(c.groups, key=lambda g: (g.table, g.date)) for c in (first, second))
            titles = {normal(m.title) for m in first.mentions}
            shared = sum(normal(m.title) in titles for m in second.mentions)
            message = f"batch {batch} has two different sub-batches called {sub}"
            claimed = f"{sub} = {first.topic} ({one.place}) beside {sub} = {second.topic} ({two.place})"
            counts = f"{_size(first)} and {_size(second)} articles, {shared} in common"
            yield row(two.place, "letter", "error", message, claimed, counts, names=True)


def _size(cluster: Cluster) -> int:
    return len({normal(m.title) for m in cluster.mentions})


def starts(e: Evidence) -> Iterator[AuditRow]:
    """Targets of one sub-batch that changed between sections."""
    for cluster in e.clusters:
        claims = cluster.targets
        if len({(t.lines, t.formulas) for _, t in claims}) > 1:
            newest = claims[0][1]
            claimed = " beside ".join(f"{t.text} ({t.place})" for _, t in claims)
            name = f"{cluster.batch}{cluster.sub}"
            message = f"sub-batch {name}: its targets differ from section to section"
            asked = f"{newest.lines or 'no'} lines, {newest.formulas or 'no'} formulas in the newest"
            yield row(newest.place, "targets", "warning", message, claimed, asked)


def twice(e: Evidence) -> Iterator[AuditRow]:
    """One article in two batches, one number for two articles, one title on two lines of a catalogue."""
    for document in e.documents:
        homes: dict[str, tuple[str, Mention]] = {}
        numbers: dict[str, Mention] = {}
        for group in document.groups:
            for mention in group.mentions:
                yield from _second_home(homes, group.name, mention)
                yield from _second_number(numbers, mention)
        titles: dict[str, int] = {}
        for entry in document.entries:
            first = titles.setdefault(normal(entry.title), entry.place.line)
            if first != entry.place.line:
                message = f"{entry.title}: it stands in the catalogue twice"
                claimed = f"{entry.title} ({document.name}:{first}, {entry.place.line})"
                yield row(entry.place, "twice", "warning", message, claimed, "2 lines", names=True)


def _second_home(homes: dict[str, tuple[str, Mention]], name: str, mention: Mention) -> Iterator[AuditRow]:
    home, first = homes.setdefault(normal(mention.title), (name, mention))
    if home != name:
        message = f"{mention.title}: it is counted in {home} and in {name}"
        claimed = f"{home} ({first.place}) beside {name} ({mention.place})"
        yield row(mention.place, "twice", "error", message, claimed, "1 article", names=True)


def _second_number(numbers: dict[str, Mention], mention: Mention) -> Iterator[AuditRow]:
    if not mention.number:
        return
    first = numbers.setdefault(mention.number, mention)
    if normal(first.title) != normal(mention.title):
        message = f"{mention.number} stands for two articles"
        claimed = f"{first.title} ({first.place}) beside {mention.title} ({mention.place})"
        yield row(mention.place, "number", "warning", message, claimed, "", names=True)
