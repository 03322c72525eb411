"""Claims about single articles, against their files, their history and each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from agent import article as articles
from agent.books.claims import Document, Figure, Group, Mention, Place, TargetClaim
from agent.books.evidence import AuditRow, Counted, Evidence, row
from agent.books.status import finished_by_hand
from agent.errors import ExpandError

_UNITS = {"lines": "lines", "formulas": "formulas"}
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|/|#|\{", re.IGNORECASE)


def sizes(e: Evidence) -> Iterator[AuditRow]:
    """Lines and formulas an article is said to have now, or to have had before."""
    for _, _, mention in e.mentions():
        slug = e.slug(mention)
        if slug not in e.present:
            continue
        for figure in mention.figures:
            if figure.kind in _UNITS:
                yield from _now(e, slug, figure)
            elif figure.kind in ("lines_before", "formulas_before"):
                yield from _before(e, slug, figure)


def _now(e: Evidence, slug: str, figure: Figure) -> Iterator[AuditRow]:
    counted, wanted = e.present[slug], int(figure.value)
    if counted.main(figure.kind) == wanted:
        return
    commit = _held(e, slug, figure.kind, wanted)
    measured = _measured(counted, figure.kind)
    if commit:
        message = f"{slug}: it had that many {figure.kind} in commit {commit[:10]}, and has not now"
        yield row(figure.place, "size", "warning", message, figure.text, measured)
        return
    yield _size(figure, slug, "size", counted, measured, "the file")


def _before(e: Evidence, slug: str, figure: Figure) -> Iterator[AuditRow]:
    name, wanted = figure.kind.removesuffix("_before"), int(figure.value)
    counted = e.before(slug)
    if counted is None:
        message = f"{slug}: no original is in the history, so this cannot be checked"
        yield row(figure.place, "before", "info", message, figure.text, "")
    elif counted.main(name) != wanted:
        measured = _measured(counted, name)
        commit = _held(e, slug, name, wanted)
        if commit:
            message = f"{slug}: true of a later version (commit {commit[:10]}), not of the original"
            yield row(figure.place, "before", "warning", message, figure.text, measured)
        else:
            yield _size(figure, slug, "before", counted, measured, "the original")


def _size(figure: Figure, slug: str, rule: str, counted: Counted, measured: str, what: str) -> AuditRow:
    """A claim that fails under our definition, with the definition under which it holds, if any does."""
    name, wanted = figure.kind.removesuffix("_before"), int(figure.value)
    other = next((d for d, n in counted.of(name).items() if n == wanted), "")
    if other:
        message = f"{slug}: {wanted:,} holds of {what} only when {name} means {other}"
        return row(figure.place, rule, "warning", message, figure.text, f"{measured}; {wanted:,} {other}")
    message = f"{slug}: {what} does not have {wanted:,} {name} under any definition"
    return row(figure.place, rule, "error", message, figure.text, measured)


def _measured(counted: Counted, name: str) -> str:
    return f"{counted.main(name):,} {next(iter(counted.of(name)))}"


def _held(e: Evidence, slug: str, name: str, wanted: int) -> str:
    past = e.past.get(slug)
    column = 1 if name == "lines" else 2
    return next((v[0] for v in past.versions if v[column] == wanted), "") if past else ""


def ratios(e: Evidence) -> Iterator[AuditRow]:
    """How many times an article is said to have grown: against its own figures and against the files."""
    for _, _, mention in e.mentions():
        said = {f.kind: f for f in mention.figures}
        slug = e.slug(mention)
        for name in _UNITS:
            ratio = said.get(f"ratio_{name}")
            if ratio is None:
                continue
            claims = said.get(name), said.get(f"{name}_before")
            if claims[0] and claims[1] and claims[1].value:
                quotient = claims[0].value / claims[1].value
                if abs(quotient - ratio.value) > 0.0051:
                    message = f"{mention.title}: the figures beside it give another ratio"
                    sides = f"{claims[0].value:,.0f} ÷ {claims[1].value:,.0f}"
                    claimed = f"{ratio.text} beside {sides}"
                    yield row(ratio.place, "ratio", "error", message, claimed, f"{quotient:.2f} = {sides}")
            before, now = e.before(slug), e.present.get(slug)
            if before and now and before.main(name):
                quotient = now.main(name) / before.main(name)
                if abs(quotient - ratio.value) > 0.0051:
                    sides = f"{now.main(name):,} ÷ {before.main(name):,} {next(iter(now.of(name)))}"
                    message = f"{slug}: the files give another ratio"
                    yield row(ratio.place, "ratio", "error", message, ratio.text, f"{quotient:.2f} = {sides}")


def targets(e: Evidence) -> Iterator[AuditRow]:
    """Articles called done that miss the target their own section states."""
    for _, group, mention in e.mentions():
        if mention.mark != "done" or group.targets is None:
            continue
        counted = e.present.get(e.slug(mention))
        for name, wanted in (("lines", group.targets.lines), ("formulas", group.targets.formulas)):
            said = next((f for f in mention.figures if f.kind == name), None)
            got = counted.main(name) if counted else int(said.value) if said else None
            if wanted is None or got is None or got >= wanted:
                continue
            message = f"{mention.title}: called done, misses the target of {group.targets.place}"
            place = said.place if said else mention.place
            written = f"done{f', {said.text}' if said else ''}, target {_asked(group.targets)}"
            measured = (
                f"{got:,} of {wanted:,} {name}" if counted else f"{got:,} of {wanted:,} {name} as claimed"
            )
            yield row(place, "target", "error", message, written, measured)


def _asked(claim: TargetClaim) -> str:
    pairs = ((claim.lines, "lines"), (claim.formulas, "formulas"))
    return ", ".join(f"{n}+ {unit}" for n, unit in pairs if n)


def states(e: Evidence) -> Iterator[AuditRow]:
    """What documents say is done or open, against what is so, and against each other."""
    said: dict[str, list[tuple[Document, Group, Mention]]] = {}
    for document, group, mention in e.mentions():
        slug = e.slug(mention)
        if mention.mark and slug:
            said.setdefault(slug, []).append((document, group, mention))
    for slug, every in said.items():
        newest = _newest(every)
        marks = {m.mark for _, _, m in newest}
        standing = e.standing(slug) or "not expanded"
        entry = e.entries[slug]
        counts = f"{standing}: {entry.lines:,} lines, {entry.formulas:,} formulas"
        counts += ", the stub is still there" if entry.stub else ""
        last = newest[-1][2] if len(marks) > 1 else None
        if last:
            claimed = " beside ".join(f"{m.mark} ({m.place})" for _, _, m in newest)
            yield row(last.place, "state", "error", f"{slug}: documents disagree", claimed, counts)
        for _, _, mention in newest:
            if mention is not last and (mention.mark == "done") != bool(e.standing(slug)):
                message = f"{slug}: called {mention.mark}, but it is {standing}"
                claimed = f"{mention.mark} ({mention.mark_text or mention.title})"
                yield row(mention.place, "state", "error", message, claimed, counts)


def _newest(every: list[tuple[Document, Group, Mention]]) -> list[tuple[Document, Group, Mention]]:
    """What each document says last: older sections are history, not contradiction."""
    found: dict[str, tuple[Document, Group, Mention]] = {}
    for entry in every:
        known = found.get(entry[0].name)
        if known is None or (entry[1].date, -entry[2].place.line) > (known[1].date, -known[2].place.line):
            found[entry[0].name] = entry
    return list(found.values())


def fronts(e: Evidence) -> Iterator[AuditRow]:
    """The ``status`` of the front matter and of catalogues."""
    for slug, entry in e.entries.items():
        expanded = bool(e.standing(slug))
        file = e.ws.named(e.shelf.files[slug])
        counts = f"{entry.lines:,} lines, {entry.formulas:,} formulas"
        if entry.status == "completed" and not expanded and not finished_by_hand(entry):
            place = Place(file, _status_line(e, slug))
            message = f"{slug}: the front matter calls it completed, the stub says otherwise"
            yield row(place, "state", "error", message, "status: completed", f"{counts}, stub still there")
        elif entry.status and entry.status != "completed" and expanded:
            place = Place(file, _status_line(e, slug))
            message = f"{slug}: it was expanded, the front matter says {entry.status}"
            yield row(place, "state", "warning", message, f"status: {entry.status}", f"expanded, {counts}")
    for document in e.documents:
        for line in document.entries:
            slug = e.shelf.by_path(line.path)
            known = e.entries.get(slug)
            if known and line.status and (line.status == "completed") != bool(e.standing(slug)):
                now = e.standing(slug) or "not expanded"
                message = f"{slug}: the catalogue says {line.status}, the file does not"
                measured = f"{now}: {known.lines:,} lines, front matter {known.status or 'without status'}"
                yield row(line.place, "state", "warning", message, line.status, measured)


def _status_line(e: Evidence, slug: str) -> int:
    text = e.shelf.files[slug].read_bytes().split(b"\n")
    return next((n for n, line in enumerate(text, 1) if line.startswith(b"status:")), 1)


def files(e: Evidence) -> Iterator[AuditRow]:
    """Articles and figures that are named and do not exist."""
    for _, _, mention in e.mentions():
        if mention.file and not e.slug(mention):
            found = e.shelf.find(mention)
            near = f"; near: {', '.join(found.near)}" if found.near else ""
            place = mention.file_place or mention.place
            message = f"{mention.title}: {found.reason}{near}"
            yield row(place, "file", "error", message, mention.file, "no such file", names=True)
        elif mention.mark == "done" and not e.slug(mention):
            found = e.shelf.find(mention)
            near = f"; near: {', '.join(found.near)}" if found.near else ""
            message = f"{mention.title}: called done, and {found.reason}{near}"
            measured = "several files" if found.reason.endswith("this title") and found.near else "no file"
            yield row(mention.place, "file", "warning", message, mention.title, measured, names=True)
    for document in e.documents:
        for path, place in document.paths:
            if not (e.ws.root / path).exists():
                message = f"{document.name} points to a file that is not there"
                yield row(place, "file", "warning", message, path, "no such file", names=True)
        for line in document.entries:
            if not e.shelf.by_path(line.path):
                message = f"{line.title}: the catalogue names a file that is not there"
                yield row(line.place, "file", "warning", message, line.path, "no such file", names=True)


def figures(e: Evidence) -> Iterator[AuditRow]:
    """Pictures that an article links to and that are not there. Addresses of the site itself (from ``/``)
    and of other hosts are not looked up."""
    for slug, path in e.shelf.files.items():
        if slug not in e.entries or not e.entries[slug].pictures:
            continue
        try:
            article = articles.read(path.read_bytes(), path.name)
        except ExpandError:
            continue
        for image in article.images:
            target = unquote(image.url.split("?")[0].split("#")[0])
            if not target or _ELSEWHERE.match(image.url) or (path.parent / target).is_file():
                continue
            place = Place(e.ws.named(path), image.line)
            message = f"{slug}: the picture is not there"
            yield row(place, "figure", "error", message, image.url, "no such file", names=True)
