"""What a person sees while an article is being written: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.report.plain import plain

if TYPE_CHECKING:
    from agent.llm import CallEvent
    from agent.pipeline.job import Progress
    from agent.pipeline.run import Watch


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch a run on stderr."""
    from agent.pipeline.run import Watch

    if sys.stderr.isatty():
        with _live() as screen:
            yield Watch(screen.progress, screen.call, screen.line)
    else:
        lines = PlainLines(lambda text: print(text, file=sys.stderr, flush=True))
        yield Watch(lines.progress, lines.call, lines.line)


class PlainLines:
    """One line for each thing worth knowing; for logs and pipes."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._calls = 0
        self._tokens = 0

    def line(self, text: str) -> None:
        self._write(plain(text))

    def progress(self, p: Progress) -> None:
        if p.kind == "part":
            self.line(f"{p.slug}: {p.done}/{p.total} {p.text}")
        elif p.kind in ("stage", "note", "measure"):
            self.line(f"{p.slug}: {p.text}")

    def call(self, event: CallEvent) -> None:
        text = told(event)
        if text:
            self.line(text)


def told(event: CallEvent) -> str:
    """The line for a call event, or nothing where it is routine."""
    match event.kind:
        case "wait":
            return f"{event.name}: {event.detail}; trying again in {event.seconds:.0f} s"
        case "waiting":
            return f"{event.name}: waiting for {event.detail}"
        case "rejected":
            return f"{event.name}: reply not usable ({event.detail})"
        case "fallback":
            return f"{event.model}: {event.detail}"
        case "changed":
            return f"{event.name}: {event.detail}"
    return ""


class Live:
    """A rich display: stage, parts done, calls, tokens, tokens a second, time left."""

    def __init__(self, progress: object, task: object, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress = progress
        self._task = task
        self._clock = clock
        self._start = clock()
        self._calls = 0
        self._reused = 0
        self._tokens = 0
        self._flowing: dict[str, int] = {}

    def line(self, text: str) -> None:
        from rich.text import Text

        self._progress.console.print(Text(plain(text)))  # type: ignore[attr-defined]

    def progress(self, p: Progress) -> None:
        if p.kind in ("stage", "measure"):
            self._update(description=plain(p.text))
        elif p.kind == "parts":
            self._update(description=plain(p.text), total=p.total, completed=0)
        elif p.kind == "part":
            self._update(description=plain(p.text), total=p.total, completed=p.done)
        else:
            self.line(p.text)

    def call(self, event: CallEvent) -> None:
        if event.kind == "tokens":
            self._flowing[event.name] = event.tokens
        elif event.kind in ("stored", "rejected") and event.usage is not None:
            self._flowing.pop(event.name, None)
            self._calls += 1
            self._tokens += event.usage.completion
        elif event.kind == "reused":
            self._reused += 1
        text = told(event)
        if text:
            self.line(text)
        flowing = self._tokens + sum(self._flowing.values())
        seconds = max(self._clock() - self._start, 1e-9)
        self._update(calls=self._calls, tokens=flowing, rate=f"{flowing / seconds:.0f}/s")

    def _update(self, **fields: object) -> None:
        self._progress.update(self._task, **fields)  # type: ignore[attr-defined]


@contextmanager
def _live() -> Iterator[Live]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[calls]} calls"),
        TextColumn("{task.fields[tokens]} tokens {task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("…", total=None, calls=0, tokens=0, rate="")
        yield Live(progress, task)
