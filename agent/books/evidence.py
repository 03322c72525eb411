"""What an audit has to go by: the documents' claims on one side, files, history and event log on the other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent import article as articles
from agent import measure
from agent.books.claims import Document, Figure, Group, Mention, Place
from agent.books.grouping import Cluster, clusters
from agent.books.index import Entry, look_at
from agent.books.matching import Shelf, shelf_for
from agent.books.originals import choose, earlier, grew
from agent.books.status import finished_by_hand
from agent.records import Measure, Severity
from agent.workspace import State, Workspace, derive, git, slug_of


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A claim that measurement does not bear out, or two claims that contradict each other."""

    file: str
    line: int
    column: int
    check: str
    """results for figures and states, references for names that answer to nothing or to two things."""
    rule: str
    severity: Severity
    message: str
    claimed: str
    """What is written, with every place where two figures disagree."""
    measured: str
    """What was counted; empty where nothing could be."""


def row(
    place: Place,
    rule: str,
    severity: Severity,
    message: str,
    claimed: str,
    measured: str,
    *,
    names: bool = False,
) -> AuditRow:
    check = "references" if names else "results"
    return AuditRow(
        place.document, place.line, place.column, check, rule, severity, message, claimed, measured
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """Lines and formulas of one text under every definition somebody might have used."""

    lines: Mapping[str, int]
    formulas: Mapping[str, int]

    def of(self, name: str) -> Mapping[str, int]:
        return self.lines if name == "lines" else self.formulas

    def main(self, name: str) -> int:
        """Under our own definition, which comes first."""
        return next(iter(self.of(name).values()))


@dataclass(frozen=True, slots=True)
class Past:
    """An article's earlier versions and what it came from."""

    original: Counted | None
    versions: tuple[tuple[str, int, int], ...] = ()
    """(commit, lines, formulas), oldest first."""


@dataclass(frozen=True, slots=True)
class Evidence:
    ws: Workspace
    documents: tuple[Document, ...]
    clusters: tuple[Cluster, ...]
    shelf: Shelf
    entries: Mapping[str, Entry]
    """By slug."""
    states: Mapping[str, State]
    present: Mapping[str, Counted]
    """Of every article that a document states figures about."""
    past: Mapping[str, Past]

    def slug(self, mention: Mention) -> str:
        return self.shelf.find(mention).slug

    def standing(self, slug: str) -> str:
        """merged, by hand, or empty where the article was not expanded."""
        state, entry, past = self.states.get(slug, State()), self.entries.get(slug), self.past.get(slug)
        if state.status in ("merged", "by-hand"):
            return state.status
        if entry is None or entry.error:
            return ""
        expanded = past is not None and past.original is not None
        return "by-hand" if expanded or finished_by_hand(entry) else ""

    def done(self, slugs: Iterable[str]) -> int:
        return sum(bool(self.standing(s)) for s in set(slugs))

    def all_done(self) -> int:
        return self.done(self.entries)

    def before(self, slug: str) -> Counted | None:
        """The original's counts; an article that was never expanded is its own original."""
        past = self.past.get(slug)
        if past and past.original:
            return past.original
        return None if self.standing(slug) else self.present.get(slug)

    def mentions(self) -> Iterable[tuple[Document, Group, Mention]]:
        for document in self.documents:
            for group in document.groups:
                for mention in group.mentions:
                    yield document, group, mention


def gather(ws: Workspace, documents: Sequence[Document]) -> Evidence:
    """Measure everything the documents speak of. Raises as `status` does."""
    shelf = shelf_for(ws, documents)
    entries = {slug_of(p): e for p, e in look_at(ws, shelf.files.values()).items()}
    spoken = {shelf.find(m).slug for d in documents for g in d.groups for m in g.mentions if m.figures}
    spoken -= {""} | {s for s, e in entries.items() if e.error}
    present = {s: count(shelf.files[s].read_bytes(), shelf.names[s]) for s in sorted(spoken)}
    readable = {s for s, e in entries.items() if not e.error}
    past = _past(ws, shelf, readable, spoken) if git.tracked(ws.root) else {}
    states = derive(ws.events.read())
    return Evidence(ws, tuple(documents), clusters(documents), shelf, entries, states, present, past)


def _past(ws: Workspace, shelf: Shelf, readable: set[str], spoken: set[str]) -> dict[str, Past]:
    slugs = {unicodedata.normalize("NFC", ws.named(shelf.files[s])): s for s in readable}
    told = {name for name, slug in slugs.items() if slug in spoken}
    found: dict[str, Past] = {}
    for name, held in earlier(ws.root, ws.config.paths.articles, slugs, always=told):
        slug = slugs[name]
        data = shelf.files[slug].read_bytes()
        chosen = choose([d for _, d in held], data)
        original = None
        if chosen is not None and grew(held[chosen[0]][1].count(b"\n"), data.count(b"\n")):
            original = count(held[chosen[0]][1], shelf.names[slug])
        counted = [(v.commit, *measure.quick(d)) for v, d in held] if slug in spoken else []
        found[slug] = Past(original, tuple(counted))
    return found


_DOLLARS = re.compile(r"\$\$")
_BEGIN = re.compile(
    r"\\begin\{(?:equation|align|gather|multline|eqnarray|aligned|cases|array|split|[bpvBV]?matrix)\*?\}"
)
_TAG = re.compile(r"\\tag\*?\{")


def count(data: bytes, name: str) -> Counted:
    """Lines and formulas under our definition and under the others that are found in such books."""
    article = articles.read(data, name)
    whole: Measure = measure.measure(article)
    text = article.text
    display = whole.formulas
    dollars = sum(f.env == "$$" for f in article.displays)
    lines = {
        "newline-terminated lines": whole.lines,
        "lines with an unterminated last one": len(article.lines),
        "line feeds plus one": whole.lines + 1,
        "lines that are not blank": sum(bool(line.strip()) for line in article.lines),
        "substance lines": whole.substance_lines,
    }
    formulas = {
        "display blocks": display,
        "numbered rows": whole.numbered,
        "blocks in $$": dollars,
        "blocks in environments": display - dollars,
        "$$ signs": len(_DOLLARS.findall(text)),
        "every \\begin of mathematics": len(_BEGIN.findall(text)),
        "tags": len(_TAG.findall(text)),
        "inline formulas": whole.inline_formulas,
        "display and inline formulas": display + whole.inline_formulas,
    }
    return Counted(lines, formulas)


def at(figures: Iterable[Figure]) -> str:
    """Places of figures of one value, as ``TODO.md:12, 40``."""
    by: dict[str, list[str]] = {}
    for figure in figures:
        lines = by.setdefault(figure.place.document, [])
        if str(figure.place.line) not in lines:
            lines.append(str(figure.place.line))
    return "; ".join(f"{document}:{', '.join(lines)}" for document, lines in by.items())
