"""Events of a run for other programs: one JSON object a line, as it happens.

Every line holds ``at`` (UTC, ISO 8601) and ``event``. Of an article: batch, begin, stage, parts, part, note,
measure, end, with slug, text, done and total. Of a call: reused, sent, tokens (at most one a second and call), wait,
waiting, fallback, stored, rejected, changed, down, up, round, with name, attempt, model, detail, seconds, tokens and usage.
``line``: what a person is told. ``result``: what the command gives, last. Texts and keys are never in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from agent.report.show import to_json

if TYPE_CHECKING:
    from agent.llm import CallEvent
    from agent.pipeline.job import Progress

EVERY = 1.0
"""Seconds between two events on the tokens of one call."""


class Stream:
    """Writes events whole, from whatever thread they come. A reader that goes away ends the writing, not the run."""

    def __init__(
        self,
        out: IO[str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._open = True
        self._told: dict[str, float] = {}

    def progress(self, p: Progress) -> None:
        self.write(p.kind, slug=p.slug, text=p.text, done=p.done, total=p.total)

    def call(self, event: CallEvent) -> None:
        if event.kind == "tokens":
            now = self._clock()
            if now - self._told.get(event.name, -EVERY) < EVERY:
                return
            self._told[event.name] = now
        elif event.kind in ("stored", "rejected"):
            self._told.pop(event.name, None)
        fields = {k: v for k, v in asdict(event).items() if k != "kind" and v not in (None, "", 0, 0.0)}
        if event.usage is not None and not event.usage.batched:
            del fields["usage"]["batched"]  # said only where it is so
        self.write(event.kind, **{"attempt": event.attempt, **fields})

    def line(self, text: str) -> None:
        self.write("line", text=text)

    def write(self, event: str, **fields: Any) -> None:
        at = self._now().isoformat(timespec="milliseconds")
        text = to_json({"at": at, "event": event, **fields}, indent=None)
        with self._lock:
            if not self._open:
                return
            try:
                self._out.write(text + "\n")
                self._out.flush()
            except (OSError, ValueError):
                self._open = False
