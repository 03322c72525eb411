"""What a person sees while articles are being written: a table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from agent.report.board import Board, Totals
from agent.report.plain import plain
from agent.report.words import counted
from agent.workspace import make_folder

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from agent.llm import CallEvent, Price
    from agent.pipeline.job import Progress
    from agent.pipeline.watch import Watch
    from agent.report.stream import Stream

A_SECOND = 4
"""Times the table is drawn."""
SNAPSHOT_EVERY = 1.0
"""Seconds between two notes for `expand status --watch`."""
STALE = 60.0
"""Seconds after which a note of a run that is gone is not shown."""
ROOM = 6
"""Lines of a terminal that are left to what stands around the table."""
COLUMNS = ("article", "stage", "parts", "calls", "now", "tokens", "cost", "time")
DISPENSABLE = ("now", "tokens", "time", "calls", "cost", "stage")
"""Columns that a narrow terminal goes without, in this order."""
LEAST = {"article": 16, "stage": 10}
"""Cells that a column of words needs; it is cut beyond them, those of numbers never are."""
GAP = 2


@contextmanager
def watching(
    *,
    price: Price | None = None,
    stream: Stream | None = None,
    notes: Path | None = None,
    runs: bool = True,
) -> Iterator[Watch]:
    """Watch a run on stderr. ``stream`` is told too; ``notes`` is the folder where `expand status --watch` of another
    process looks; ``runs``: False for a run that is only foreseen, which has no table."""
    from agent.pipeline.watch import Watch, both

    board = Board(price)
    note = noted(board, notes / f"live-{os.getpid()}.json" if notes and runs else None)
    with note, _on_terminal(board) if runs and sys.stderr.isatty() else _in_lines(board) as screen:
        watch = both(Watch(board.progress, board.call), screen)
        if stream is not None:
            watch = both(watch, Watch(stream.progress, stream.call, stream.line))
        yield watch


@contextmanager
def _in_lines(board: Board) -> Iterator[Watch]:
    from agent.pipeline.watch import Watch

    def write(text: str) -> None:
        sys.stderr.write(f"{text}\n")  # in one piece: threads tell of things too
        sys.stderr.flush()

    lines = PlainLines(write, board)
    yield Watch(lines.progress, lines.call, lines.line)


@contextmanager
def _on_terminal(board: Board) -> Iterator[Watch]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from agent.pipeline.watch import Watch

    console = Console(stderr=True)

    def line(text: str) -> None:
        console.print(Text(plain(text)))

    def call(event: CallEvent) -> None:
        if text := told(event):
            line(text)

    def progress(p: Progress) -> None:
        if p.kind == "note" or (p.kind == "end" and p.text == "draft"):
            line(f"{p.slug}: {p.text}")

    def table() -> RenderableType:
        return draw(board.snapshot(), rows=console.height - ROOM)

    with Live(get_renderable=table, console=console, transient=True, refresh_per_second=A_SECOND):
        yield Watch(progress, call, line)


class PlainLines:
    """One line for each thing worth knowing; for logs and pipes."""

    def __init__(self, write: Callable[[str], None], board: Board | None = None) -> None:
        self._write = write
        self._board = board

    def line(self, text: str) -> None:
        self._write(plain(text))

    def progress(self, p: Progress) -> None:
        if p.kind == "part":
            self.line(f"{p.slug}: {p.done}/{p.total} {p.text}")
        elif p.kind in ("stage", "note", "measure"):
            self.line(f"{p.slug}: {p.text}")
        elif p.kind == "end" and self._board is not None:
            totals = self._board.totals()
            if totals.articles > 1:
                self.line(f"{p.slug}: {p.text}. {summary(totals)}")

    def call(self, event: CallEvent) -> None:
        text = told(event)
        if text:
            self.line(text)


def told(event: CallEvent) -> str:
    """The line for a call event, or nothing where it is routine."""
    match event.kind:
        case "wait":
            reason = event.detail.removeprefix(f"{event.name}: ")
            return f"{event.name}: {reason}; trying again in {event.seconds:.0f} s"
        case "waiting":
            return f"{event.name}: waiting for {event.detail}"
        case "rejected":
            return f"{event.name}: reply not usable ({event.detail})"
        case "round":
            return event.detail
        case "fallback":
            return f"{event.model}: {event.detail}"
        case "changed":
            return f"{event.name}: {event.detail}"
        case "down":
            return (
                f"{event.detail}; one call at a time tries again, the others wait, for {span(event.seconds)} at most. "
                "Is its address right?"
            )
        case "up":
            return f"{event.detail} after {span(event.seconds)}"
    return ""


def draw(board: Mapping[str, Any], *, rows: int) -> RenderableType:
    """The table of a board's snapshot: articles under way, as many as there is room for, and a summary."""
    from rich.console import Group
    from rich.text import Text

    articles: Sequence[Mapping[str, Any]] = board["articles"]
    room = max(1, rows)
    more = [Text(f"… and {len(articles) - room} more", style="dim")] if len(articles) > room else []
    down = [Text(plain(text), style="red") for text in board["down"]]
    table = UnderWay(tuple(_cells(row) for row in articles[:room]))
    return Group(table, *more, *down, Text(summary(Totals(**board["totals"]))))


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    expected = max(row["expected"], row["calls"] + row["reused"])
    return {
        "article": plain(row["title"])[:40],
        "stage": plain(row["stage"])[:30],
        "parts": f"{row['done']}/{row['parts']}" if row["parts"] else "",
        "calls": f"{row['calls'] + row['reused']}/{expected}",
        "now": str(row["sent"] or ""),
        "tokens": f"{row['tokens']:,}",
        "cost": money(row["cost"]),
        "time": span(row["begun"]),
    }


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The articles under way, in as many columns as there is room for: a number that is cut says something wrong."""

    rows: tuple[Mapping[str, str], ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        widths = self.widths(options.max_width)
        table = Table(box=None, pad_edge=False)
        for name, width in widths.items():
            side: Literal["left", "right"] = "left" if name in LEAST else "right"
            table.add_column(name, no_wrap=True, overflow="ellipsis", justify=side, width=width)
        for row in self.rows:
            table.add_row(*(Text(row[name]) for name in widths))
        yield table

    def widths(self, room: int) -> dict[str, int]:
        """Columns that fit, with their cells."""
        from rich.cells import cell_len

        needed = {name: max(cell_len(x) for x in (name, *(r[name] for r in self.rows))) for name in COLUMNS}
        names = list(COLUMNS)
        for name in DISPENSABLE:
            if sum(min(LEAST.get(n, needed[n]), needed[n]) + GAP for n in names) - GAP <= room:
                break
            names.remove(name)
        left = room - sum(needed[n] for n in names if n not in LEAST) - GAP * (len(names) - 1)
        stage = min(needed["stage"], max(LEAST["stage"], left // 3)) if "stage" in names else 0
        words = {"article": max(1, min(needed["article"], left - stage)), "stage": stage}
        return {name: words.get(name, needed[name]) for name in names}


def summary(t: Totals) -> str:
    """One line on a whole run."""
    waiting = max(0, t.articles - t.ended - t.active)
    articles = f"{t.drafts} of {counted(t.articles, 'draft')}"
    articles += f", {t.failed} failed" if t.failed else ""
    articles += f", {t.active} under way" + (f", {waiting} waiting" if waiting else "")
    calls = f"{counted(t.in_flight, 'call')} in flight, {t.calls} answered"
    calls += f" ({t.rejected} not usable)" if t.rejected else ""
    calls += f", {t.reused} from the ledger" if t.reused else ""
    cached = f", {t.cached / t.prompt:.0%} of prompts cached" if t.cached and t.prompt else ""
    time = span(t.seconds) + (f", about {span(t.left)} left" if t.left is not None else "")
    return f"{articles} · {calls}{cached} · {t.rate:.0f} tokens/s · {money(t.cost)} · {time}"


def money(cost: float | None) -> str:
    return "cost unknown" if cost is None else f"${cost:.2f}"


def span(seconds: float) -> str:
    """Such as 48 s, 12 min, 3 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


@contextmanager
def noted(board: Board, file: Path | None, every: float = SNAPSHOT_EVERY) -> Iterator[None]:
    """Keep in ``file`` what another process may read of this run, anew every so many seconds: also while nothing
    happens time goes on, and a note that is not renewed is taken for that of a run that has gone."""
    if file is None:
        yield
        return
    over = threading.Event()

    def keep() -> None:
        _write_note(board, file)
        while not over.wait(every):
            _write_note(board, file)

    writer = threading.Thread(target=keep, name="note", daemon=True)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _write_note(board: Board, file: Path) -> None:
    draft = file.with_suffix(".tmp")
    # A full disk must not end a run for the sake of a note, which is not kept: so nothing is synced.
    with suppress(OSError):
        make_folder(file.parent)
        draft.write_text(json.dumps(board.snapshot(), ensure_ascii=False), encoding="utf-8")
        draft.replace(file)


def running(notes: Path, now: Callable[[], float] = time.time) -> list[Mapping[str, Any]]:
    """The boards of runs in other processes."""
    found = []
    for file in sorted(notes.glob("live-*.json")):
        with suppress(OSError, ValueError):
            pid = int(file.stem.partition("-")[2])
            os.kill(pid, 0)
            if now() - file.stat().st_mtime < STALE:
                found.append(json.loads(file.read_text(encoding="utf-8")))
    return found


@contextmanager
def opened(events: str | None) -> Iterator[Stream | None]:
    """The stream of ``--events FILE`` (added to what is there) or ``-`` (stdout); None where it is not asked for."""
    from agent.errors import ExpandError, UsageError
    from agent.report.stream import Stream

    if events is None:
        yield None
        return
    try:
        out: IO[str] = sys.stdout if events == "-" else open(events, "a", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise UsageError(
            f"{events}: {error.strerror}", hint="--events takes a file, or - for stdout"
        ) from None
    stream = Stream(out)
    try:
        yield stream
    except ExpandError as error:
        stream.write("error", text=str(error), hint=error.hint, code=error.exit_code)
        raise
    finally:
        if out is not sys.stdout:
            with suppress(OSError):
                out.close()
