"""Totals over everything: what is done, what is left, and running totals from section to section."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from agent.books.claims import Figure, Group, Section
from agent.books.evidence import AuditRow, Evidence, row
from agent.books.matching import normal
from agent.books.rules_counts import all_figures, beside, figures_of


def totals(e: Evidence) -> Iterator[AuditRow]:
    """What is said to be done altogether: within a section, between documents, and against the files."""
    newest: list[Figure] = []
    for document in e.documents:
        dated = sorted(document.sections, key=lambda s: s.date, reverse=True)
        for index, section in enumerate(dated):
            said = figures_of(section, "done_all")
            if len({f.value for f in said}) > 1:
                message = "the same document states two totals"
                yield row(said[0].place, "total", "error", message, beside(said), _all(e))
            if said and not any(figures_of(s, "done_all") for s in dated[:index]):
                newest += said
        done = [x for x in document.entries if x.status == "completed"]
        if document.entries:
            words = f"{len(done)} completed in {document.name}"
            place = (done or document.entries)[0].place
            newest.append(Figure("done_all", len(done), place, words))
    if len({f.place.document for f in newest}) > 1 and len({f.value for f in newest}) > 1:
        message = "documents state different totals"
        yield row(newest[0].place, "total", "error", message, beside(newest), _all(e))
    elif newest and newest[0].value != e.all_done():
        yield row(newest[0].place, "total", "error", "the files say otherwise", beside(newest[:1]), _all(e))


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
    before, after = figures_of(older, "done_all"), figures_of(newer, "done_all")
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
        claimed = f"{beside(before)} on {older.date}; {beside(after)} on {newer.date}, after {len(new)} more"
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
        before, after = figures_of(older, f"grown_{name}"), figures_of(newer, f"grown_{name}")
        stated = figures_of(newer, f"sum_{name}")
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


def percents(e: Evidence) -> Iterator[AuditRow]:
    """Percentages that are not those of the figures beside them."""
    for document in e.documents:
        for section in document.sections:
            articles = next((f.value for f in figures_of(section, "articles")), None)
            for figure in all_figures(section):
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
            whole = next((f for f in figures_of(section, "articles")), None)
            left, done = figures_of(section, "remaining"), figures_of(section, "done_all")
            for figure in left:
                if whole and done and all(figure.value + d.value != whole.value for d in done):
                    message = "done and remaining do not make the whole"
                    claimed = f"{figure.text} ({figure.place}) beside {beside(done)} of {whole.value:g}"
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
