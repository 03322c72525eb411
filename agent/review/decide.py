"""What a person does with a draft: accept, reject, withdraw, edit, send back. Each is an event, on disk at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from agent.errors import UsageError
from agent.pipeline.outputs import load_sections
from agent.records import INDEX as INDEX
from agent.review.versions import keep
from agent.workspace import State, Workspace, derive, hold


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the review of an article stands."""

    slug: str
    status: str
    sections: Mapping[str, str]
    """Section → accepted or rejected."""
    undecided: tuple[str, ...]
    waiting: tuple[str, ...]
    """Sent back and not written again yet."""

    @property
    def decided(self) -> bool:
        return not self.undecided


def standing(ws: Workspace, slug: str, state: State | None = None) -> Standing:
    """``state``, where it is known already, spares reading the event log."""
    return _standing(ws, slug, state or state_of(ws, slug))


def state_of(ws: Workspace, slug: str) -> State:
    return derive(ws.events.read()).get(slug, State())


def section_ids(ws: Workspace, slug: str) -> tuple[str, ...]:
    """Sections a person decides on, in the order of the index."""
    return tuple(s.id for s in load_sections(ws.output(slug)) if s.id != INDEX)


class HoldsErrors(UsageError):
    """A section that is to be accepted unseen, or merged, holds what the checks call an error."""

    exit_code = 1


def accept(
    ws: Workspace, slug: str, sections: Sequence[str] = (), *, note: str = "", unseen: bool = False
) -> Standing:
    """Accept sections; none named: all that were not rejected. Raises UsageError without a draft, for an unknown
    section and where none is left.

    ``unseen``: whoever decides was not shown what the checks found; then HoldsErrors is raised, and nothing accepted,
    where a section holds an error.
    """
    with deciding(ws, slug):
        ids = _checked(ws, slug, sections)
        chosen = list(sections) or _not_rejected(ws, slug, ids)
        if unseen:
            _refuse_errors(ws, slug, chosen)
        _withdraw_redo(ws, slug, chosen)
        ws.events.append("accepted", slug, sections=chosen, of=list(ids), note=note)
        return standing(ws, slug)


def reject(ws: Workspace, slug: str, sections: Sequence[str] = (), *, note: str) -> Standing:
    """Reject sections; none named: the whole draft, and the article is pending again. Raises UsageError without a
    note: it enters the next prompts."""
    if not note.strip():
        raise UsageError("reject needs --note", hint="say what is wrong; the note enters the next prompts")
    with deciding(ws, slug):
        ids = _checked(ws, slug, sections)
        _withdraw_redo(ws, slug, sections)
        ws.events.append("rejected", slug, sections=list(sections), of=list(ids), note=note.strip())
        return standing(ws, slug)


def send_back(ws: Workspace, slug: str, section: str, *, note: str) -> Standing:
    """Mark a section to be written again. Its text and the note are inputs of the redo that follows."""
    if not note.strip():
        raise UsageError("redo needs --note", hint="say what to do differently; the note enters the prompt")
    with deciding(ws, slug):
        ids = _checked(ws, slug, ())
        text = next((s.text for s in load_sections(ws.output(slug)) if s.id == section), None)
        if section == INDEX or (text is None and section not in unfinished(ws, slug)):
            raise UsageError(f"{slug} has no section {section}", hint="its sections: " + ", ".join(ids))
        text, seen = edited_in_article(ws, slug, section) or (text, "")
        # Version 0 stands for no text: a part that could never be written has none to show.
        kept = keep(ws.output(slug), section, text) if text is not None else 0
        ws.events.append("redone", slug, section=section, note=note.strip(), version=kept, seen=seen)
        return standing(ws, slug)


def _withdraw_redo(ws: Workspace, slug: str, sections: Sequence[str]) -> None:
    """A decision on a section that waits to be written again is one on the text that stands: that text is kept."""
    waiting = set(state_of(ws, slug).waiting) & set(sections)
    for section in load_sections(ws.output(slug)) if waiting else ():
        if section.id in waiting:
            number = keep(ws.output(slug), section.id, section.text)
            ws.events.append(
                "edited", slug, section=section.id, version=number, before=number, taken_back=True
            )


def edited_in_article(ws: Workspace, slug: str, section: str) -> tuple[str, str] | None:
    """(text, digest) of a section that a person edited in the merged article: that is what is sent back then."""
    from agent.merge.hand import as_section, by_hand, digest

    state = state_of(ws, slug)
    path = ws.slugs().get(slug)
    if not state.merged or path is None:
        return None
    data = path.read_bytes()
    text = by_hand(data, state.merged).edited.get(section)
    if text is None:
        return None
    like = next((s for s in load_sections(ws.output(slug)) if s.id == section), None)
    return as_section(section, text, like, data).text, digest(text)


def unfinished(ws: Workspace, slug: str) -> tuple[str, ...]:
    """Parts the draft lacks, by its report."""
    return tuple(s["id"] for s in _rows(ws, slug) if s["verdict"] == "unfinished")


def _rows(ws: Workspace, slug: str) -> list[dict[str, Any]]:
    """The sections of the report; an edit brings them up to date."""
    report = json.loads((ws.output(slug) / "report.json").read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = report["sections"]
    return rows


def _refuse_errors(ws: Workspace, slug: str, sections: Sequence[str]) -> None:
    errors = {
        row["id"]: [f["message"] for f in row.get("findings", ()) if f["severity"] == "error"]
        for row in _rows(ws, slug)
        if row["id"] in sections
    }
    failing = [id for id, messages in errors.items() if messages]
    if failing:
        raise HoldsErrors(
            f"{slug}: {', '.join(failing)} hold errors, such as {failing[0]}: {errors[failing[0]][0]}",
            hint=f"see them with expand review {slug}; expand redo {slug} {failing[0]} --note … has it written again; "
            "--with-errors accepts all the same",
        )


def deciding(ws: Workspace, slug: str) -> AbstractContextManager[None]:
    """Hold while decisions on an article are read and written."""
    # Not the article's own lock: reviewing while a batch writes other articles, or a redo this one, is normal.
    return hold(ws.locks, f"{slug} decisions", wait=10.0)


def _not_rejected(ws: Workspace, slug: str, ids: Sequence[str]) -> list[str]:
    """Sections of which nobody has said no: to accept the rest is not to take that back."""
    state = state_of(ws, slug)
    found = [s for s in ids if state.sections.get(s) != "rejected"]
    if ids and not found:
        raise UsageError(
            f"{slug}: every section was rejected",
            hint=f"name those to accept all the same: expand accept {slug} SECTION…",
        )
    return found


def _checked(ws: Workspace, slug: str, sections: Sequence[str]) -> tuple[str, ...]:
    """The sections of the draft. Raises UsageError where there is no draft, or none of a name."""
    state = state_of(ws, slug)
    if state.status not in ("draft", "accepted", "merged"):
        raise UsageError(
            f"{slug} has no draft (it is {state.status})", hint=f"make one with: expand run {slug}"
        )
    ids = section_ids(ws, slug)
    unknown = [s for s in sections if s not in ids]
    if unknown:
        raise UsageError(f"{slug} has no section {unknown[0]}", hint="its sections: " + ", ".join(ids))
    return ids


def _standing(ws: Workspace, slug: str, state: State) -> Standing:
    ids = section_ids(ws, slug) if (ws.output(slug) / "sections" / "index.json").is_file() else ()
    return Standing(
        slug,
        state.status,
        {k: v for k, v in state.sections.items() if k in ids},
        tuple(s for s in ids if s not in state.sections),
        state.waiting,
    )
