"""Programs that parts bring along. Parts are written apart, so two of them may call theirs ``practice1``; in the article
each has a name of its own, and values, files and programs of one never stand for another's."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from agent.article import read
from agent.pipeline.bind import CODE
from agent.pipeline.evidence import Evidence
from agent.pipeline.writer import Draft


def told_apart(drafts: Sequence[Draft], taken: Collection[str]) -> list[Draft]:
    """The drafts with an ID of its own for every program. The first to use an ID keeps it; others get the next number
    that is free. ``taken``: experiments of the article itself."""
    used = set(taken)
    free = {id for draft in drafts for id in _ids(draft.evidence)} | used
    made = []
    for draft in drafts:
        names: dict[str, str] = {}
        for id in _ids(draft.evidence):
            if id in used:
                names[id] = _next(id, free)
                free.add(names[id])
            used.add(names.get(id, id))
        made.append(_renamed(draft, names) if names else draft)
    return made


def _ids(evidence: Evidence) -> list[str]:
    return list(dict.fromkeys([*evidence.runs, *evidence.failures]))


def _next(id: str, free: Collection[str]) -> str:
    stem = id.rstrip("0123456789")
    number = 1
    while f"{stem}{number}" in free:
        number += 1
    return f"{stem}{number}"


def _renamed(draft: Draft, names: Mapping[str, str]) -> Draft:
    evidence = draft.evidence
    runs = {names.get(id, id): replace(run, id=names.get(id, id)) for id, run in evidence.runs.items()}
    failures = {names.get(id, id): why for id, why in evidence.failures.items()}
    return replace(
        draft, text=retold(draft.text, names), evidence=replace(evidence, runs=runs, failures=failures)
    )


def retold(text: str, names: Mapping[str, str]) -> str:
    """``text`` with the new names, but for code: a program is shown as it ran."""
    word = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(map(re.escape, names))})(?![A-Za-z0-9_])")
    pieces: list[str] = []
    at = 0
    for span in read(text.encode("utf-8"), "part").spans:
        if span.kind not in CODE:
            continue
        body = text.find("\n", span.start, span.stop) if span.kind == "fence" else span.start
        pieces += [word.sub(lambda m: names[m[0]], text[at:body]), text[body : span.stop]]
        at = span.stop
    return "".join([*pieces, word.sub(lambda m: names[m[0]], text[at:])])
