"""What a document reader builds up line by line, before it is frozen into claims."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from agent.books.claims import Figure, Group, Mention, Place, TargetClaim

_PARENS = re.compile(r"\s*[（(]([^（()）]*)[）)]\s*$")
_NOTE = re.compile(r"\d\s*行|公式|\d{4}-\d{2}-\d{2}|扩充")
MARKS = "✅⏳🔄❌🎉📝☑✔"


@dataclass
class OpenMention:
    title: str
    place: Place
    mark: str = ""
    mark_text: str = ""
    number: str = ""
    file: str = ""
    file_place: Place | None = None
    focus: tuple[str, ...] = ()
    figures: list[Figure] = field(default_factory=list)

    def freeze(self) -> Mention:
        return Mention(
            self.title, self.place, self.file, self.file_place, self.focus, self.mark, self.mark_text,
            self.number, tuple(self.figures),
        )  # fmt: skip


@dataclass
class OpenGroup:
    batch: str
    sub: str
    topic: str
    place: Place
    date: str
    indent: int = -1
    listed: int | None = None
    targets: TargetClaim | None = None
    mentions: list[OpenMention] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    table: bool = False

    def freeze(self) -> Group:
        figures = list(self.figures)
        if self.listed is not None:
            figures.append(self._listed(self.listed))
        return Group(
            self.batch, self.sub, self.topic, self.place, self.date, self.targets,
            tuple(m.freeze() for m in self.mentions), tuple(figures), self.table,
        )  # fmt: skip

    def _listed(self, stated: int) -> Figure:
        """How many articles it says it has: set beside those it names, where it names any."""
        kind, of = ("listed", len(self.mentions)) if self.mentions else ("count", None)
        return Figure(kind, stated, self.place, f"{stated}篇", of, batch=self.batch, sub=self.sub)


@dataclass
class OpenSection:
    date: str
    place: Place
    groups: list[OpenGroup] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


@dataclass
class Tally:
    """A bullet that states how many articles stand under it by topic."""

    indent: int
    figure: Figure
    values: list[int | None] = field(default_factory=list)


def children(tally: Tally) -> Figure | None:
    known = [v for v in tally.values if v is not None]
    if len(tally.values) < 2:
        return None
    words = " + ".join("?" if v is None else str(v) for v in tally.values)
    return replace(tally.figure, of=float(sum(known)), rough=len(known) < len(tally.values), text=words)


def split_title(text: str) -> tuple[str, str]:
    """A title without marks and without the note in brackets that follows it, and that note."""
    text = text.strip().strip(MARKS + " ").strip()
    m = _PARENS.search(text)
    if m and _NOTE.search(m[1]):
        return text[: m.start()].strip(MARKS + " "), m[0].strip()
    return text, ""


def clean_topic(text: str) -> str:
    return text.strip().strip(MARKS + " ")


def split_list(text: str) -> tuple[str, ...]:
    return tuple(p.strip() for p in re.split(r"[、；;]", text) if p.strip())
