"""What hand-kept documents say about articles, batches and totals: records only, nothing here is believed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document something stands."""

    document: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a document states."""

    kind: str
    """What it counts.

    Of an article: lines, formulas, lines_before, formulas_before, ratio_lines, ratio_formulas.
    Of a sub-batch: done (of ``of``), sum_lines, sum_formulas, count (articles it should list).
    Of everything: done_all, articles (how many there are), remaining, grown_lines, grown_formulas (running
    totals of what was added), parts (the sum of an expression such as 7篇 + 12篇).
    """
    value: float
    place: Place
    text: str
    """The words it was read from."""
    of: float | None = None
    """The denominator, where one is stated."""
    percent: float | None = None
    """The percentage written beside it."""
    batch: str = ""
    sub: str = ""
    """Letter of the sub-batch it is about, empty where it is about all or about an article."""
    rough: bool = False
    """Marked as approximate (~, 约)."""


@dataclass(frozen=True, slots=True)
class TargetClaim:
    """What a document asks of the articles of a batch or sub-batch."""

    lines: int | None
    formulas: int | None
    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Mention:
    """One article, named in one place."""

    title: str
    place: Place
    file: str = ""
    """As written, when a path is given."""
    file_place: Place | None = None
    focus: tuple[str, ...] = ()
    mark: str = ""
    """done, open or empty: a claim."""
    mark_text: str = ""
    number: str = ""
    """The number such as #234 that stands before it."""
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One section about a batch or sub-batch, or one line that defines it."""

    batch: str
    sub: str
    """Letter, or empty for a batch as a whole."""
    topic: str
    place: Place
    date: str = ""
    """ISO date of the section, else of the line; empty where none is written."""
    targets: TargetClaim | None = None
    mentions: tuple[Mention, ...] = ()
    figures: tuple[Figure, ...] = ()
    """Figures about the group itself; those of its articles are with the mentions."""
    table: bool = False
    """Read from a row of an overview table."""

    @property
    def name(self) -> str:
        return f"{self.batch}{self.sub}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a catalogue such as ``blog_list.txt``."""

    title: str
    path: str
    status: str
    place: Place


@dataclass(frozen=True, slots=True)
class Section:
    """A dated part of a document, with the figures about everything that stand in it."""

    date: str
    place: Place
    groups: tuple[Group, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    sections: tuple[Section, ...]
    """In document order; one undated section for a document without dates."""
    entries: tuple[Entry, ...] = ()
    paths: tuple[tuple[str, Place], ...] = ()
    """Other relative paths that it sets as code, such as ``docs/index.html``."""

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(g for s in self.sections for g in s.groups)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure of the document in the order of its lines."""
        own = [f for s in self.sections for f in s.figures]
        own += [f for g in self.groups for f in g.figures]
        own += [f for g in self.groups for m in g.mentions for f in m.figures]
        return tuple(sorted(own, key=lambda f: (f.place.line, f.place.column)))
