"""The event log: append-only ``outputs/progress.jsonl``, from which every status is derived."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.errors import UsageError
from agent.workspace.files import append_line
from agent.workspace.locks import hold

KINDS = (
    "picked",
    "drafted",
    "failed",
    "accepted",
    "rejected",
    "reopened",
    "redone",
    "edited",
    "merged",
    "undone",
    "adopted",
)
START = b'{"at": "'
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.S)


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    """One of ``KINDS``."""
    slug: str
    at: str = ""
    """UTC, ISO 8601 with seconds."""
    data: Mapping[str, Any] = field(default_factory=dict)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class EventLog:
    path: Path
    clock: Callable[[], datetime] = now

    def append(self, kind: str, slug: str, **data: Any) -> Event:
        """Write one event, whole and in order even when several processes write."""
        if kind not in KINDS:
            raise ValueError(f"unknown event {kind}")
        event = Event(kind, slug, self.clock().isoformat(timespec="seconds"), data)
        line = json.dumps({"at": event.at, "event": kind, "slug": slug, **data}, ensure_ascii=False)
        with hold(self.path.parent / ".locks", "event log", wait=30.0):
            append_line(self.path, line)
        return event

    def read(self) -> tuple[Event, ...]:
        """All events, oldest first.

        A last line without its newline is what a power loss leaves: it is passed over. Any other line that
        cannot be read raises UsageError with its number, since everything is derived from this file.
        """
        return tuple(self._events())

    def cut_line(self) -> int:
        """Number of a last line that a power loss cut off; 0 where there is none. The next append ends it."""
        try:
            raw = self.path.read_bytes()
        except OSError:
            return 0
        return raw.count(b"\n") + 1 if _torn(raw.rpartition(b"\n")[2]) else 0

    def _events(self) -> Iterator[Event]:
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror}") from None
        lines = raw.split(b"\n")
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                kind, slug, at = entry.pop("event"), entry.pop("slug"), entry.pop("at", "")
            except (ValueError, KeyError, AttributeError, TypeError):
                if number == len(lines) or _torn(line):
                    continue
                raise UsageError(
                    f"{self.path}:{number}: not an event",
                    hint="the event log is append-only; restore this line from a backup or from git",
                ) from None
            yield Event(str(kind), str(slug), str(at), entry)


def _torn(line: bytes) -> bool:
    """A line cut by a power loss and ended by the next append: it starts like an event and stops short, inside a
    string or before its last brace."""
    if not (line.startswith(START) or START.startswith(line)):
        return False
    bare = STRING.sub(b"", line)
    return b'"' in bare or bare.count(b"{") > bare.count(b"}")
