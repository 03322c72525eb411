"""Putting sections into their article: regions, headings, labels, tags, references.

Pure: the same source and sections give the same bytes. A merge of some sections only is the same function on
fewer sections.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.article import Article, Insertion, anchors, find_anchor, insert, read, stamp, stub_lines
from agent.article.tex import LABEL, REFERENCE
from agent.pipeline.tags import tag_display
from agent.records import INDEX

END = "end"


@dataclass(frozen=True, slots=True)
class Section:
    """One region to be: what was written, and where it goes."""

    id: str
    title: str
    text: str
    """As written: raw labels, placeholders already bound."""
    anchor: str = END
    """Name of an anchor of the source, or `end`."""
    chapter: str = ""
    """Title of the chapter, for what stands at the end; the first of a chapter carries it as an h2."""
    inline: bool = False
    """True: no heading of its own."""


@dataclass(frozen=True, slots=True)
class Assembled:
    data: bytes
    """The article with all regions and the stamp in its front matter."""
    texts: Mapping[str, str]
    """Region → its text as it stands in ``data``."""
    labels: Mapping[str, str]
    """Label as written → label in the file."""
    dangling: tuple[tuple[str, str], ...]
    """(region, label) of references that point to nothing here."""


def assemble(source: bytes, name: str, sections: Sequence[Section], *, status: str) -> Assembled:
    """The article with ``sections`` in their places.

    ``status`` is written into the front matter where the author has such a line. Raises RegionError for an
    anchor that no longer exists.
    """
    article = read(source, name)
    ordered = _in_file_order(article, sections)
    own = {s.id: _own_labels(s) for s in ordered}
    labels: dict[str, str] = {}
    for section in ordered:
        for label, full in own[section.id].items():
            labels.setdefault(label, full)
            # A text that came back from a merged article names other sections' labels in full.
            labels.setdefault(full, full)
    source_labels = {label.name for label in article.labels}
    tag = 0
    texts: dict[str, str] = {}
    dangling: list[tuple[str, str]] = []
    for section, body in _with_headings(article, ordered):
        text, lost = _refer(body, own[section.id], labels, source_labels)
        dangling += [(section.id, label) for label in lost]
        texts[section.id], tag = _number(text, section.id, tag)
    insertions = _insertions(article, ordered, texts)
    data = insert(source, insertions)
    stamped = stamp(data, sha256=hashlib.sha256(source).hexdigest(), status=status)
    return Assembled(stamped, texts, labels, tuple(dangling))


def _own_labels(section: Section) -> dict[str, str]:
    """Label as written → label in the file, under the section's ID. What stands in code labels nothing."""
    prefix = f"{section.id}:"
    names = [label.name for label in read(section.text.encode("utf-8"), section.id).labels]
    return {m: m if m.startswith(prefix) else prefix + m for m in names}


def index_section(article: Article, sections: Sequence[Section]) -> Section | None:
    """What stands in for the author's stub where no theory stands at the end: where the derivations are."""
    stub = stub_lines(article)
    woven = [s for s in sections if s.anchor != END and not s.inline]
    if stub is None or takes_stub(article, sections) is not None or not woven:
        return None
    rows = "\n".join(f"- {s.title}" for s in _in_file_order(article, woven))
    return Section(INDEX, "", f"推导随正文给出，排在各自所解释的段落或小节之后：\n\n{rows}", END, inline=True)


def _in_file_order(article: Article, sections: Sequence[Section]) -> list[Section]:
    offsets = {s.id: find_anchor(article, s.anchor).offset for s in sections if s.anchor != END}
    stub, lines = takes_stub(article, sections), stub_lines(article)
    before = article.data.split(b"\n")[: lines[0] - 1] if lines else []
    last = len(article.data) + 1

    def key(section: Section) -> tuple[int, int]:
        if section is stub:
            # At the stub's first byte, where what is anchored right before it comes first.
            return sum(len(line) + 1 for line in before), 2
        # A box without a heading belongs to the author's paragraph, so it comes before what has a heading.
        return (last, 0) if section.anchor == END else (offsets[section.id], 0 if section.inline else 1)

    return sorted(sections, key=key)


def takes_stub(article: Article, sections: Sequence[Section]) -> Section | None:
    """The section that stands in for the author's stub: the first at the end whose chapter is the stub's
    heading, or the index."""
    stub = stub_lines(article)
    if stub is None:
        return None
    heading = max((h for h in article.headings if h.line < stub[0]), key=lambda h: h.line, default=None)
    if heading is None:
        return None
    return next(
        (s for s in sections if s.anchor == END and (s.id == INDEX or s.chapter == heading.text)), None
    )


def _with_headings(article: Article, ordered: Sequence[Section]) -> list[tuple[Section, str]]:
    """Each section with its headings. A chapter's h2 stands before the first of its sections that is here."""
    stub = takes_stub(article, ordered)
    said: set[str] = {stub.chapter} if stub else set()
    bodies = []
    for section in ordered:
        head = []
        if section.anchor == END and section.chapter and section.chapter not in said:
            said.add(section.chapter)
            head.append(f"## {section.chapter}")
        if section.title and not section.inline:
            head.append(f"### {section.title}")
        bodies.append((section, "\n\n".join([*head, section.text.strip("\n")])))
    return bodies


def _refer(
    text: str, own: Mapping[str, str], labels: Mapping[str, str], source: set[str]
) -> tuple[str, list[str]]:
    """Prefix labels and point references at them. A region's own label comes first, then the author's, then
    another region's."""
    lost: list[str] = []

    def label(match: re.Match[str]) -> str:
        return f"\\label{{{own[match[1]]}}}" if match[1] in own else match[0]

    def reference(match: re.Match[str]) -> str:
        name = match[2]
        if name in own:
            return f"\\{match[1]}{{{own[name]}}}"
        if name in source:
            return match[0]
        if name in labels:
            return f"\\{match[1]}{{{labels[name]}}}"
        lost.append(name)
        return match[0]

    def both(piece: str) -> str:
        return REFERENCE.sub(reference, LABEL.sub(label, piece))

    return _outside_code(text, both), lost


def _outside_code(text: str, change):  # type: ignore[no-untyped-def]
    """Apply ``change`` to what is not code."""
    article = read(text.encode("utf-8"), "section")
    pieces: list[str] = []
    at = 0
    for span in article.spans:
        if span.kind in ("fence", "code", "indented", "raw"):
            pieces += [change(text[at : span.start]), text[span.start : span.stop]]
            at = span.stop
    return "".join([*pieces, change(text[at:])])


def _number(text: str, id: str, tag: int) -> tuple[str, int]:
    """Give every numbered row a tag of our own series, so that the author's numbers do not move."""
    article = read(text.encode("utf-8"), id)
    pieces: list[str] = []
    at = 0
    for formula in article.displays:
        tagged, tag = tag_display(formula.env, text[formula.start : formula.stop], tag)
        pieces += [text[at : formula.start], tagged]
        at = formula.stop
    return "".join([*pieces, text[at:]]), tag


def _insertions(article: Article, ordered: Sequence[Section], texts: Mapping[str, str]) -> list[Insertion]:
    stub = takes_stub(article, ordered)
    lines = stub_lines(article)
    end = anchors(article)[-1]
    made = []
    for section in ordered:
        if section is stub:
            made.append(Insertion(section.id, texts[section.id], was=lines))
        else:
            anchor = end if section.anchor == END else find_anchor(article, section.anchor)
            made.append(Insertion(section.id, texts[section.id], anchor=anchor))
    return made
