"""`expand status --watch`: the screen of `expand status`, kept up to date, with the runs of other processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.report.board import Totals
from agent.report.live import draw, running, summary
from agent.report.plain import plain
from agent.report.show import as_data, to_json
from agent.report.words import counted

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from agent.books.status import Status


def watch_status(
    read: Callable[[], Status],
    notes: Path,
    every: float,
    as_json: bool,
    *,
    console: Console | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Look every so many seconds until Ctrl-C. On a terminal the screen is drawn over; elsewhere a line is printed
    whenever it changed: the counts, or with ``as_json`` the whole status as one line of JSON with ``runs``."""
    from rich.console import Console as NewConsole

    console = console or NewConsole(highlight=False)

    def look() -> tuple[Status, list[Mapping[str, Any]]]:
        return read(), running(notes)

    with suppress(KeyboardInterrupt, BrokenPipeError):
        if console.is_terminal and not as_json:
            _drawn(look, console, every, sleep)
        else:
            _printed(look, every, sleep, as_json)


def _drawn(look: Callable[[], Any], console: Console, every: float, sleep: Callable[[float], None]) -> None:
    from rich.live import Live

    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            live.update(screenful(*look(), height=console.height), refresh=True)
            sleep(every)


def _printed(look: Callable[[], Any], every: float, sleep: Callable[[float], None], as_json: bool) -> None:
    last = ""
    while True:
        data, runs = look()
        text = to_json({**as_data(data), "runs": runs}, indent=None) if as_json else line(data, runs)
        if text != last:
            print(text if as_json else plain(text), flush=True)
        last = text
        sleep(every)


def line(data: Status, runs: list[Mapping[str, Any]]) -> str:
    c = data.counts
    counts = f"{c.done} done, {counted(c.drafts, 'draft')}, {c.pending} pending, {c.failed} failed"
    return "; ".join(
        [f"{counted(c.total, 'article')}: {counts}", *(summary(Totals(**r["totals"])) for r in runs)]
    )


def screenful(data: Status, runs: list[Mapping[str, Any]], *, height: int) -> RenderableType:
    """What fits: the counts, one line a sub-batch that has begun, and the tables of what runs now."""
    from rich.console import Group
    from rich.text import Text

    subs = [s for b in data.batches for s in b.subs if s.counts.done or s.counts.drafts or s.counts.failed]
    rows = [Text(line(data, [])), Text(f"{data.lines:,} lines, {data.formulas:,} display formulas")]
    room = max(2, height - len(rows) - 4 - (10 if runs else 0))
    for sub in subs[:room]:
        c = sub.counts
        said = f"{c.done}/{c.total} done, {counted(c.drafts, 'draft')}" + (
            f", {c.failed} failed" if c.failed else ""
        )
        rows.append(Text(plain(f"  {sub.id} {sub.title}  {said}")))
    if len(subs) > room:
        rows.append(Text(f"  … and {len(subs) - room} more sub-batches", style="dim"))
    left = max(3, (height - len(rows) - 2) // max(1, len(runs)) - 3)
    tables = [draw(run, rows=left) for run in runs] or [Text("nothing runs now", style="dim")]
    return Group(*rows, Text(""), *tables)
