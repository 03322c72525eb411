"""Taking back the last thing a reviewer did to a draft: a decision, or an edit by hand."""

from __future__ import annotations

from collections.abc import Sequence

from agent.errors import UsageError
from agent.review.decide import Standing, deciding, section_ids, standing
from agent.review.edit import edit
from agent.review.versions import version
from agent.workspace import Event, Workspace, derive


def take_back(ws: Workspace, slug: str) -> tuple[Standing, str]:
    """Undo the last decision or edit; gives the new standing and what was taken back, in words. Raises UsageError
    when there is nothing left to take back since the draft was made."""
    events = [e for e in ws.events.read() if e.slug == slug]
    open_ = pending(events)
    if not open_:
        raise UsageError(f"{slug}: nothing to take back", hint="decisions on an earlier draft stay with it")
    at, event = open_[-1]
    if event.kind == "edited":
        section = str(event.data["section"])
        text = version(ws.output(slug), section, int(event.data["before"])).text
        ws.events.append("reopened", slug, sections=[], takes_back=at)
        return edit(ws, slug, section, text, taken_back=True), f"{section} 的改动"
    with deciding(ws, slug):
        before = derive(events[:at])[slug].sections
        chosen = list(event.data.get("sections", ()))
        ids = list(section_ids(ws, slug))
        ws.events.append("reopened", slug, sections=chosen, takes_back=at)
        for decision in ("accepted", "rejected"):
            again = [s for s in chosen if before.get(s) == decision]
            if again:
                ws.events.append(decision, slug, sections=again, of=ids, note="", restored=True)
        return standing(ws, slug), "、".join(chosen)


def pending(events: Sequence[Event]) -> list[tuple[int, Event]]:
    """(place in the log, event) of what can be taken back, oldest first."""
    found: list[tuple[int, Event]] = []
    for at, event in enumerate(events):
        if event.kind in ("drafted", "merged", "undone"):
            found = []
        elif "takes_back" in event.data:
            found = [f for f in found if f[0] != event.data["takes_back"]]
        elif event.kind == "rejected" and not event.data.get("sections"):
            found = []
        elif event.kind in ("accepted", "rejected", "edited") and not (
            event.data.get("restored") or event.data.get("taken_back")
        ):
            found.append((at, event))
    return found
