"""Who is told what while articles are written: the terminal, a log, or nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.llm import CallEvent
from agent.pipeline.job import Progress


@dataclass(frozen=True)
class Watch:
    """Functions that are called on the event loop or from a worker's thread, and must be quick."""

    progress: Callable[[Progress], None] = lambda _: None
    calls: Callable[[CallEvent], None] = lambda _: None
    line: Callable[[str], None] = lambda _: None


def both(first: Watch, second: Watch) -> Watch:
    """Tell two of everything."""

    def progress(p: Progress) -> None:
        first.progress(p)
        second.progress(p)

    def calls(event: CallEvent) -> None:
        first.calls(event)
        second.calls(event)

    def line(text: str) -> None:
        first.line(text)
        second.line(text)

    return Watch(progress, calls, line)
