"""Taking back the last thing a reviewer did to a draft: a decision, or an edit by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.errors import UsageError
from agent.review.decide import Standing, deciding, section_ids, standing
from agent.review.edit import replace_text
from agent.review.versions import version
from agent.workspace import Event, Workspace, derive


def take_back(ws: Workspace, slug: str) -> tuple[Standing, str]:
    """Undo the last decision or edit; gives the new standing and what was taken back, in words. Raises UsageError
    when there is nothing left to take back since the draft was made."""
    with deciding(ws, slug):
        # Chosen under the lock: two who take back at once take back two things.
        events = [e for e in ws.events.read() if e.slug == slug]
        open_ = pending(events)
        if not open_:
            raise UsageError(
                f"{slug}: nothing to take back", hint="decisions on an earlier draft stay with it"
            )
        at, event = open_[-1]
        edited = event.kind == "edited"
        chosen = [str(event.data["section"])] if edited else list(event.data.get("sections", ()))
        text = version(ws.output(slug), chosen[0], int(event.data["before"])).text if edited else ""
        ws.events.append("reopened", slug, sections=[] if edited else chosen, takes_back=at)
        if edited:
            replace_text(ws, slug, chosen[0], text, taken_back=True)
        _restore(ws, slug, chosen, derive(events[:at])[slug].sections)
        return standing(ws, slug), "、".join(chosen) + (" 的改动" if edited else "")


def _restore(ws: Workspace, slug: str, chosen: Sequence[str], before: Mapping[str, str]) -> None:
    """Decide again what was decided on these sections ``before``."""
    ids = list(section_ids(ws, slug))
    for decision in ("accepted", "rejected"):
        again = [s for s in chosen if before.get(s) == decision]
        if again:
            ws.events.append(decision, slug, sections=again, of=ids, note="", restored=True)


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
