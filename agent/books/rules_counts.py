"""Counts and totals of documents, against each other, their own parts, and what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.books.claims import Document, Figure, Section
from agent.books.evidence import AuditRow, Evidence, at, row
from agent.books.matching import normal


def done_counts(e: Evidence) -> Iterator[AuditRow]:
    """One sub-batch with two done-counts in one section, or in the newest words of two documents."""
    last: dict[tuple[str, str, float], list[tuple[str, Figure]]] = {}
    for document in e.documents:
        for section in sorted(document.sections, key=lambda s: s.date, reverse=True):
            for key, said in _by_sub(figures_of(section, "done")).items():
                if len({f.value for f in said}) > 1:
                    yield _two_counts(e, said, "one section states two counts")
                newest = last.setdefault((*key, said[0].of or 0), [])
                if all(name != document.name for name, _ in newest):
                    newest += [(document.name, f) for f in said]
    for figures in last.values():
        if len({f.value for _, f in figures}) > 1 and len({name for name, _ in figures}) > 1:
            yield _two_counts(e, [f for _, f in figures], "documents state different counts")


def _two_counts(e: Evidence, said: list[Figure], why: str) -> AuditRow:
    first = said[0]
    name = f"{first.batch}{first.sub}"
    return row(
        first.place, "done-count", "error", f"sub-batch {name}: {why}", beside(said), _done_of(e, first)
    )


def _by_sub(figures: Iterable[Figure]) -> dict[tuple[str, str], list[Figure]]:
    found: dict[tuple[str, str], list[Figure]] = {}
    for figure in figures:
        found.setdefault((figure.batch, figure.sub), []).append(figure)
    return found


def beside(said: Iterable[Figure]) -> str:
    values: dict[str, list[Figure]] = {}
    for f in said:
        values.setdefault(f"{f.value:g}/{f.of:g}" if f.of else f"{f.value:g}", []).append(f)
    return " beside ".join(f"{text} ({at(figures)})" for text, figures in values.items())


def _done_of(e: Evidence, figure: Figure) -> str:
    mine = [c for c in e.clusters if c.batch == figure.batch and figure.sub in ("", c.sub)]
    slugs = {s for c in mine for m in c.mentions if (s := e.slug(m))}
    return f"{e.done(slugs)} expanded of {len(slugs)} articles that exist" if mine else ""


def sums(e: Evidence) -> Iterator[AuditRow]:
    """Totals that are not the sum of the parts written beside them."""
    for document in e.documents:
        for section in document.sections:
            yield from _table(section)
            yield from _parts(section)
            yield from _batches(section)
        yield from _listed(document)
        for section in document.sections:
            for figure in figures_of(section, "sum_lines") + figures_of(section, "sum_formulas"):
                yield from _sum(e, document, section, figure)


def _table(section: Section) -> Iterator[AuditRow]:
    """The rows of an overview, against the batch's own count of articles and of done ones."""
    for whole in figures_of(section, "count"):
        if whole.sub:
            continue
        rows = [
            f
            for g in section.groups
            if g.table and g.batch == whole.batch
            for f in g.figures
            if f.kind == "done"
        ]
        parts = [f.of or 0 for f in rows]
        if len(rows) > 1 and sum(parts) != whole.value:
            expression = f"{'+'.join(f'{p:g}' for p in parts)} = {sum(parts):g}"
            claimed = f"{whole.text} ({whole.place}) beside {expression} ({at(rows)})"
            message = f"batch {whole.batch}: the sub-batches add up to {sum(parts):g}, not to {whole.value:g}"
            yield row(whole.place, "sum", "error", message, claimed, expression)
        for total in figures_of(section, "done"):
            if total.batch == whole.batch and not total.sub and len(rows) > 1:
                done = sum(f.value for f in rows)
                if done != total.value:
                    message = f"batch {whole.batch}: the sub-batches have {done:g} done, not {total.value:g}"
                    claimed = f"{total.text} ({total.place}) beside the rows ({at(rows)})"
                    yield row(total.place, "sum", "error", message, claimed, f"{done:g}")


def _parts(section: Section) -> Iterator[AuditRow]:
    for parts in figures_of(section, "parts"):
        stated = figures_of(section, "done_all")
        if stated and stated[-1].value != parts.value:
            message = "the batches listed do not add up to the total beside them"
            claimed = f"{beside(stated)} beside {parts.text} ({parts.place})"
            yield row(parts.place, "sum", "error", message, claimed, f"{parts.text} = {parts.value:g}")
    for total in figures_of(section, "children"):
        known = total.of or 0
        if (known > total.value) if total.rough else (known != total.value):
            message = "the topics under it do not add up to it"
            claimed = f"{total.value:g} beside {total.text}"
            yield row(
                total.place,
                "sum",
                "error",
                message,
                claimed,
                f"{known:g}{' at least' if total.rough else ''}",
            )


def _batches(section: Section) -> Iterator[AuditRow]:
    """A batch of a list, against its sub-batches."""
    for whole in (g for g in section.groups if not g.sub and not g.table):
        stated = next((f for f in whole.figures if f.kind == "count"), None)
        subs = [g for g in section.groups if g.batch == whole.batch and g.sub and not g.table]
        parts = [f for g in subs for f in g.figures if f.kind in ("count", "listed")]
        if stated and parts and len(parts) == len(subs) and sum(f.value for f in parts) != stated.value:
            expression = f"{'+'.join(f'{f.value:g}' for f in parts)} = {sum(f.value for f in parts):g}"
            message = f"batch {whole.batch}: its sub-batches do not add up to it"
            claimed = f"{stated.text} ({stated.place}) beside {expression} ({at(parts)})"
            yield row(stated.place, "sum", "error", message, claimed, expression)


def _listed(document: Document) -> Iterator[AuditRow]:
    for figure in document.figures:
        if figure.kind == "listed" and figure.of is not None and figure.of != figure.value:
            message = f"it says {figure.value:g} articles and lists {figure.of:g}"
            yield row(figure.place, "listed", "error", message, figure.text.strip(), f"{figure.of:g} listed")


def _sum(e: Evidence, document: Document, section: Section, figure: Figure) -> Iterator[AuditRow]:
    """A sum of lines or formulas, against the figures of the articles it is about."""
    name = figure.kind.removeprefix("sum_")
    own = [g for g in section.groups if (g.batch, g.sub) == (figure.batch, figure.sub) and g.mentions]
    rest = [
        g
        for c in e.clusters
        if (c.batch, c.sub) == (figure.batch, figure.sub) and not any(g in own for g in c.groups)
        for g in c.groups[:1]
    ]
    said = {}
    for group in [*own, *(rest if not section.date else [])]:
        for mention in group.mentions:
            value = next((f.value for f in mention.figures if f.kind == name), None)
            if value is not None and mention.mark == "done":
                said[normal(mention.title)] = value
    total = sum(said.values())
    if said and total != figure.value:
        message = f"sub-batch {figure.batch}{figure.sub}: the articles' own {name} do not add up to it"
        measured = f"{total:,.0f} in {len(said)} articles"
        yield row(figure.place, "sum", "error", message, figure.text, measured)


def figures_of(section: Section, kind: str) -> list[Figure]:
    return sorted(
        (f for f in all_figures(section) if f.kind == kind), key=lambda f: (f.place.line, f.place.column)
    )


def all_figures(section: Section) -> Iterator[Figure]:
    yield from section.figures
    for group in section.groups:
        yield from group.figures
