"""Life of an article, folded from its events: pending → draft → accepted → merged, and the ways out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agent.workspace.events import Event

FAILURES = 2
"""A failed article is tried once more, then passed over."""


STANDING = ("draft", "accepted", "merged", "by-hand")
"""Where a run that fails takes nothing away from an article."""


@dataclass(frozen=True, slots=True)
class State:
    """Where one article stands."""

    status: str = "pending"
    """pending, draft, accepted, merged, failed or by-hand."""
    sha256: str = ""
    """Of the source the current attempt or draft was made from."""
    failures: int = 0
    """Runs that failed since the last draft."""
    error: str = ""
    """What the last failed run said."""
    retry: Mapping[str, int] = field(default_factory=dict)
    """Call name → first attempt in the next run; frozen here so that a resumed run numbers alike."""
    sections: Mapping[str, str] = field(default_factory=dict)
    """Section → accepted or rejected, as a person decided."""
    notes: tuple[tuple[str, str], ...] = ()
    """(section or "", note) of rejections and redos, oldest first; they enter the prompts."""
    redos: Mapping[str, int] = field(default_factory=dict)
    """Section → how often it was sent back to be written again."""
    returned: Mapping[str, int] = field(default_factory=dict)
    """Section → version (a file below `versions/`) of the text that was sent back last."""
    waiting: tuple[str, ...] = ()
    """Sections sent back that no run has written again yet."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """Section → digest of the text in the merged article that a person sent back, knowing that it was edited there."""
    edits: Mapping[str, int] = field(default_factory=dict)
    """Section → version that holds the text a person gave it."""
    merged: Mapping[str, Any] = field(default_factory=dict)
    """Data of the merge that stands; empty where none does."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Data of the event that set the status."""
    drafted: Mapping[str, Any] = field(default_factory=dict)
    """Data of the last draft's event."""
    at: str = ""
    """When the status was set."""

    @property
    def open(self) -> bool:
        """True when `next` may pick the article."""
        return self.status == "pending" or (self.status == "failed" and self.failures < FAILURES)


def derive(events: Iterable[Event]) -> dict[str, State]:
    """Fold the event log into the state of each article it names."""
    states: dict[str, State] = {}
    for event in events:
        states[event.slug] = _next(states.get(event.slug) or State(), event)
    return states


def _next(state: State, event: Event) -> State:
    data = event.data
    match event.kind:
        case "picked":
            return replace(state, sha256=str(data.get("sha256", "")))
        case "drafted":
            return _drafted(state, event)
        case "failed" if data.get("redo") or state.status in STANDING:
            # The draft, or what was merged, from before the failure still stands.
            return replace(
                state, error=str(data.get("error", "")), retry={**state.retry, **data.get("retry", {})}
            )
        case "failed":
            retry = {**state.retry, **data.get("retry", {})}
            # A service that was away says nothing about the article: it may be tried again as often as it takes.
            counts = 0 if data.get("service") else 1
            return replace(
                state, status="failed", failures=state.failures + counts, error=str(data.get("error", "")),
                retry=retry, data=data, at=event.at,
            )  # fmt: skip
        case "accepted":
            return _decided(state, event, "accepted")
        case "rejected":
            return _rejected(state, event)
        case "reopened":
            chosen = tuple(data.get("sections", ()))
            return replace(state, status="draft", sections=_without(state.sections, *chosen), at=event.at)
        case "redone":
            return _redone(state, event)
        case "edited":
            section = str(data.get("section", ""))
            return replace(
                state, status="draft", at=event.at, sections=_without(state.sections, section),
                returned=_without(state.returned, section), waiting=tuple(s for s in state.waiting if s != section),
                edits={**state.edits, section: int(data.get("version", 0))},
            )  # fmt: skip
        case "merged":
            return replace(state, status="merged", data=data, merged=data, at=event.at)
        case "undone":
            before = data.get("merged") or {}
            status = "merged" if before else "draft"
            return replace(state, status=status, merged=before, data=before or state.drafted, at=event.at)
        case "adopted":
            return replace(state, status="by-hand", data=data, at=event.at)
    return state


def _drafted(state: State, event: Event) -> State:
    """A new draft has no decisions and no history; one that a redo made keeps both, but for what it changed."""
    data = event.data
    sha256 = str(data.get("sha256", state.sha256))
    digest = data.get("draft_sha256")
    if digest and digest == state.drafted.get("draft_sha256") and state.status in ("draft", "accepted"):
        # Run again, the same answers give the same draft: what a person decided about it stands.
        return replace(
            state, failures=0, error="", data=data, drafted=data, at=event.at, sha256=sha256, waiting=()
        )
    state = replace(
        state, status="draft", failures=0, error="", data=data, drafted=data, at=event.at, sha256=sha256
    )
    if "changed" in data:
        return replace(state, sections=_without(state.sections, *data["changed"]), waiting=())
    return replace(state, sections={}, waiting=())


def _redone(state: State, event: Event) -> State:
    section = str(event.data.get("section", ""))
    return replace(
        state,
        status="draft",
        at=event.at,
        redos={**state.redos, section: state.redos.get(section, 0) + 1},
        returned={**state.returned, section: int(event.data.get("version", 0))},
        waiting=(*(s for s in state.waiting if s != section), section),
        seen={**state.seen, section: str(event.data.get("seen", ""))},
        edits=_without(state.edits, section),
        sections=_without(state.sections, section),
        notes=(*state.notes, (section, str(event.data.get("note", "")))),
    )


def _without(mapping: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {k: v for k, v in mapping.items() if k not in keys}


def _decided(state: State, event: Event, decision: str) -> State:
    sections = {**state.sections, **dict.fromkeys(event.data.get("sections", ()), decision)}
    wanted = event.data.get("of", ())
    done = bool(wanted) and all(sections.get(s) == "accepted" for s in wanted)
    return replace(state, sections=sections, status="accepted" if done else "draft", at=event.at)


def _rejected(state: State, event: Event) -> State:
    note = str(event.data.get("note", ""))
    chosen = tuple(event.data.get("sections", ()))
    if chosen:
        notes = (*state.notes, *((s, note) for s in chosen))
        return replace(_decided(state, event, "rejected"), notes=notes)
    # The whole draft: it is kept on disk, and the article is pending again with the note in its prompts.
    return replace(
        state, status="pending", sections={}, notes=(*state.notes, ("", note)), data=event.data, at=event.at,
        redos={}, returned={}, waiting=(), edits={},
    )  # fmt: skip
