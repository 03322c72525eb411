"""Counts and totals of documents, against each other, their own parts, and what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from agent.books.claims import Document, Figure, Group, Section
from agent.books.evidence import AuditRow, Evidence, at, row
from agent.books.matching import normal


def done_counts(e: Evidence) -> Iterator[AuditRow]:
    """One sub-batch with two done-counts in one section, or in the newest words of two documents."""
    last: dict[tuple[str, str, float], list[tuple[str, Figure]]] = {}
    for document in e.documents:
        for section in sorted(document.sections, key=lambda s: s.date, reverse=True):
            for key, said in _by_sub(_figures(section, "done")).items():
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
        first.place, "done-count", "error", f"sub-batch {name}: {why}", _beside(said), _done_of(e, first)
    )


def _by_sub(figures: Iterable[Figure]) -> dict[tuple[str, str], list[Figure]]:
    found: dict[tuple[str, str], list[Figure]] = {}
    for figure in figures:
        found.setdefault((figure.batch, figure.sub), []).append(figure)
    return found


def _beside(said: Iterable[Figure]) -> str:
    values: dict[str, list[Figure]] = {}
    for f in said:
        values.setdefault(f"{f.value:g}/{f.of:g}" if f.of else f"{f.value:g}", []).append(f)
    return " beside ".join(f"{text} ({at(figures)})" for text, figures in values.items())


def _done_of(e: Evidence, figure: Figure) -> str:
    mine = [c for c in e.clusters if c.batch == figure.batch and figure.sub in ("", c.sub)]
    slugs = {s for c in mine for m in c.mentions if (s := e.slug(m))}
    return f"{e.done(slugs)} expanded of {len(slugs)} articles that exist" if mine else ""


def totals(e: Evidence) -> Iterator[AuditRow]:
    """What is said to be done altogether: within a section, between documents, and against the files."""
    newest: list[Figure] = []
    for document in e.documents:
        dated = sorted(document.sections, key=lambda s: s.date, reverse=True)
        for index, section in enumerate(dated):
            said = _figures(section, "done_all")
            if len({f.value for f in said}) > 1:
                message = "the same document states two totals"
                yield row(said[0].place, "total", "error", message, _beside(said), _all(e))
            if said and not any(_figures(s, "done_all") for s in dated[:index]):
                newest += said
        done = [x for x in document.entries if x.status == "completed"]
        if document.entries:
            words = f"{len(done)} completed in {document.name}"
            place = (done or document.entries)[0].place
            newest.append(Figure("done_all", len(done), place, words))
    if len({f.place.document for f in newest}) > 1 and len({f.value for f in newest}) > 1:
        message = "documents state different totals"
        yield row(newest[0].place, "total", "error", message, _beside(newest), _all(e))
    elif newest and newest[0].value != e.all_done():
        yield row(newest[0].place, "total", "error", "the files say otherwise", _beside(newest[:1]), _all(e))


def _all(e: Evidence) -> str:
    return f"{e.all_done()} expanded of {len(e.entries)} articles in the workspace"


def marks(e: Evidence) -> Iterator[AuditRow]:
    """How many articles of a list are ticked, against the total it states."""
    for document in e.documents:
        ticked = [
            m for g in document.groups if not g.date or not g.table for m in g.mentions if m.number or m.mark
        ]
        boxes = [m for m in ticked if m.mark == "done" and m.mark_text.startswith("[")]
        for figure in (f for f in document.figures if f.kind == "done_all"):
            if boxes and len(boxes) != figure.value:
                message = f"{len(boxes)} boxes are ticked under the batches of {document.name}"
                titles = len({normal(m.title) for m in boxes})
                measured = f"{len(boxes)} boxes, {titles} different titles"
                yield row(figure.place, "ticked", "error", message, figure.text, measured)


def running(e: Evidence) -> Iterator[AuditRow]:
    """Running totals that do not move with what their own section adds."""
    for document in e.documents:
        dated = sorted((s for s in document.sections if s.date), key=lambda s: (s.date, -s.place.line))
        for older, newer in pairwise(dated):
            yield from _done_moved(older, newer, dated)
            yield from _grown_moved(older, newer)


def _done_moved(older: Section, newer: Section, dated: list[Section]) -> Iterator[AuditRow]:
    before, after = _figures(older, "done_all"), _figures(newer, "done_all")
    if not before or not after:
        return
    known = {
        normal(m.title)
        for s in dated
        if s.date < newer.date
        for g in s.groups
        for m in g.mentions
        if m.mark == "done"
    }
    new = [m for g in newer.groups for m in g.mentions if m.mark == "done" and normal(m.title) not in known]
    expected = before[-1].value + len(new)
    if new and after[0].value != expected:
        moved = (
            "is unchanged"
            if after[0].value == before[-1].value
            else f"moved by {after[0].value - before[-1].value:g}"
        )
        message = f"the total {moved} although {newer.date} lists {len(new)} more as done"
        claimed = (
            f"{_beside(before)} on {older.date}; {_beside(after)} on {newer.date}, after {len(new)} more"
        )
        yield row(
            after[-1].place,
            "running-total",
            "error",
            message,
            claimed,
            f"{before[-1].value:g} + {len(new)} = {expected:g}",
        )


def _grown_moved(older: Section, newer: Section) -> Iterator[AuditRow]:
    for name in ("lines", "formulas"):
        before, after = _figures(older, f"grown_{name}"), _figures(newer, f"grown_{name}")
        stated = _figures(newer, f"sum_{name}")
        if not before or not after or not stated:
            continue
        step = after[0].value - before[0].value
        gains = [_gain(g, name) for g in newer.groups if not g.table]
        options = {stated[0].value, float(sum(gains))}
        if all(abs(step - o) > 0.02 * max(step, o, 1) for o in options):
            message = f"the running total of added {name} does not move by what {newer.date} lists"
            claimed = f"{before[0].value:,.0f} ({before[0].place}), then {after[0].value:,.0f} ({after[0].place}): +{step:,.0f}"
            measured = (
                f"{stated[0].value:,.0f} {name} listed, {sum(gains):,} of them added by their own figures"
            )
            yield row(after[0].place, "running-total", "warning", message, claimed, measured)


def _gain(group: Group, name: str) -> int:
    total = 0
    for mention in group.mentions:
        said = {f.kind: f.value for f in mention.figures}
        if name in said and f"{name}_before" in said:
            total += int(said[name] - said[f"{name}_before"])
    return total


def sums(e: Evidence) -> Iterator[AuditRow]:
    """Totals that are not the sum of the parts written beside them."""
    for document in e.documents:
        for section in document.sections:
            yield from _table(section)
            yield from _parts(section)
            yield from _batches(section)
        yield from _listed(document)
        for section in document.sections:
            for figure in _figures(section, "sum_lines") + _figures(section, "sum_formulas"):
                yield from _sum(e, document, section, figure)


def _table(section: Section) -> Iterator[AuditRow]:
    """The rows of an overview, against the batch's own count of articles and of done ones."""
    for whole in _figures(section, "count"):
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
        for total in _figures(section, "done"):
            if total.batch == whole.batch and not total.sub and len(rows) > 1:
                done = sum(f.value for f in rows)
                if done != total.value:
                    message = f"batch {whole.batch}: the sub-batches have {done:g} done, not {total.value:g}"
                    claimed = f"{total.text} ({total.place}) beside the rows ({at(rows)})"
                    yield row(total.place, "sum", "error", message, claimed, f"{done:g}")


def _parts(section: Section) -> Iterator[AuditRow]:
    for parts in _figures(section, "parts"):
        stated = _figures(section, "done_all")
        if stated and stated[-1].value != parts.value:
            message = "the batches listed do not add up to the total beside them"
            claimed = f"{_beside(stated)} beside {parts.text} ({parts.place})"
            yield row(parts.place, "sum", "error", message, claimed, f"{parts.text} = {parts.value:g}")
    for total in _figures(section, "children"):
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


def percents(e: Evidence) -> Iterator[AuditRow]:
    """Percentages that are not those of the figures beside them."""
    for document in e.documents:
        for section in document.sections:
            articles = next((f.value for f in _figures(section, "articles")), None)
            for figure in _all_figures(section):
                of = figure.of or (articles if figure.kind in ("done_all", "remaining") else None)
                if figure.percent is None or not of or figure.kind == "articles":
                    continue
                real = 100 * figure.value / of
                # Written to a whole number or to one place: half a unit of the last place is right.
                slack = 0.5001 if figure.percent == int(figure.percent) else 0.0501
                if abs(real - figure.percent) > slack:
                    message = f"{figure.value:g} of {of:g} is {real:.1f}%"
                    claimed = f"{figure.text}, {figure.percent:g}%"
                    yield row(figure.place, "percent", "error", message, claimed, f"{real:.1f}%")


def remains(e: Evidence) -> Iterator[AuditRow]:
    """Done and remaining, which should make the whole."""
    for document in e.documents:
        for section in document.sections:
            whole = next((f for f in _figures(section, "articles")), None)
            left, done = _figures(section, "remaining"), _figures(section, "done_all")
            for figure in left:
                if whole and done and all(figure.value + d.value != whole.value for d in done):
                    message = "done and remaining do not make the whole"
                    claimed = f"{figure.text} ({figure.place}) beside {_beside(done)} of {whole.value:g}"
                    yield row(
                        figure.place, "sum", "error", message, claimed, f"{whole.value - done[0].value:g}"
                    )


def stock(e: Evidence) -> Iterator[AuditRow]:
    """How many articles there are said to be."""
    for document in e.documents:
        for figure in document.figures:
            if figure.kind == "articles" and figure.value != len(e.entries):
                message = "the folder holds another number of articles"
                yield row(figure.place, "stock", "error", message, figure.text, f"{len(e.entries)} files")
            catalogues = [d for d in e.documents if d.entries]
            if figure.kind == "catalogue" and catalogues:
                listed = sum(len(d.entries) for d in catalogues)
                if listed != figure.value:
                    message = f"{', '.join(d.name for d in catalogues)} lists another number"
                    yield row(figure.place, "stock", "error", message, figure.text, f"{listed} entries")


def _figures(section: Section, kind: str) -> list[Figure]:
    return sorted(
        (f for f in _all_figures(section) if f.kind == kind), key=lambda f: (f.place.line, f.place.column)
    )


def _all_figures(section: Section) -> Iterator[Figure]:
    yield from section.figures
    for group in section.groups:
        yield from group.figures
