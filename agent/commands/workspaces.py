"""Commands on a workspace as a whole: init, plan show, status, report, ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.result import Result
from agent.errors import ExpandError, LedgerError, UsageError
from agent.report.show import aside
from agent.report.words import counted
from agent.workspace import Workspace, hold, write_bytes, write_text
from agent.workspace.layout import CONFIG

if TYPE_CHECKING:
    from agent.llm import Ledger

IGNORED = (
    "/outputs/ledger.db*",
    "/outputs/index.json",
    "/outputs/.locks/",
    "/outputs/.cache/",
    "/outputs/*/.cache/",
    "/outputs/*/merges/",
)


def init(folder: Path) -> Result:
    """Make a workspace. A folder that holds articles gets no sample; no file that is there is touched."""
    from agent.prompts import shipped

    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CONFIG).exists():
        raise UsageError(
            f"{folder / CONFIG} is there already", hint="this folder is a workspace; try: expand status"
        )
    made: list[str] = []
    articles = folder / "blogs_raw"
    empty = not any(articles.rglob("*.md")) if articles.is_dir() else True
    _copy(shipped("config.toml"), folder / CONFIG, made, folder)
    if empty:
        for path in sorted(shipped("blogs_raw").glob("*.md")):
            _copy(path, articles / path.name, made, folder)
        _copy(shipped("plan.toml"), folder / "plan.toml", made, folder)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        write_text(ignore, "".join(f"{line}\n" for line in IGNORED))
        made.append(".gitignore")
    return Result("init", {"folder": str(folder), "made": made, "sample": empty})


def _copy(source: Path, target: Path, made: list[str], folder: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(target, source.read_bytes())
    made.append(target.relative_to(folder).as_posix())


def status(ws: Workspace) -> Result:
    from agent.books.status import status as measured

    return Result("status", measured(ws))


def plan_show(ws: Workspace) -> Result:
    """The tree of the plan with what is known of each item."""
    from agent.books.status import status as measured

    return Result("plan", measured(ws).batches)


def report(ws: Workspace) -> Result:
    """Render PROGRESS_REPORT.md from the event log and measurement."""
    text = update_report(ws)
    return Result("report", {"file": ws.config.paths.report, "lines": text.count(b"\n")})


def update_report(ws: Workspace) -> bytes:
    from agent.report.markers import split
    from agent.report.progress import update

    with hold(ws.locks, ws.config.paths.report, wait=30.0):
        existing = ws.report.read_bytes() if ws.report.is_file() else None
        text = update(existing, ws, ws.plan(), ws.events.read())
        if text != existing:
            write_bytes(ws.report, text)
    if existing and text != existing and not any(p.key for p in split(existing, ws.config.paths.report)):
        aside(
            f"note: {ws.config.paths.report} now holds the program's entries; what you wrote there stays as it was"
        )
    return text


def refresh_report(ws: Workspace) -> None:
    """Bring PROGRESS_REPORT.md up to date after something that stands, also where the report cannot be written: that
    is a warning then, and `expand report` fails by it."""
    try:
        update_report(ws)
    except (ExpandError, OSError) as error:
        aside(f"warning: {ws.config.paths.report} is not up to date: {error}")


@contextmanager
def reported(ws: Workspace) -> Iterator[None]:
    """Bring PROGRESS_REPORT.md up to date when the block has failed: what it did until then is in the event log."""
    try:
        yield
    except ExpandError:
        # What went wrong is told, not that the report could not be written.
        with suppress(ExpandError, OSError):
            update_report(ws)
        raise


@contextmanager
def stored(ws: Workspace) -> Iterator[Ledger | None]:
    """The ledger to look at; None where there is none, as looking makes none."""
    from agent.llm import Ledger

    if not ws.ledger.is_file():
        yield None
        return
    with Ledger(ws.ledger) as ledger:
        yield ledger


def ledger_stats(ws: Workspace) -> Result:
    from agent.commands.bookkeeping import grouped
    from agent.llm import LedgerStats, priced

    with stored(ws) as ledger:
        stats = ledger.stats() if ledger else LedgerStats()
        rows = ledger.paid() if ledger else []
    price = priced(ws.config.prices.models)
    sums = grouped([(row, price(row.model, row.usage)) for row in rows], lambda row: row.model)
    costs = {row["name"]: row["cost"] for row in sums}
    models = {
        name: {"calls": m.rows, **asdict(m.usage), "cost": costs[name]} for name, m in stats.models.items()
    }
    return Result("ledger", {**asdict(stats), "models": models})


def ledger_verify(ws: Workspace) -> Result:
    """What was changed or lost of the ledger; exit code 1 where something was."""
    rows = 0
    with stored(ws) as ledger:
        problems = ledger.verify() if ledger else _gone(ws)
        with suppress(LedgerError):  # told among the problems
            rows = ledger.stats().rows if ledger else 0
    return Result("verify", {"rows": rows, "problems": problems}, 1 if problems else 0)


def _gone(ws: Workspace) -> list[str]:
    """What is wrong with there being no ledger."""
    drafts = sum(event.kind == "drafted" for event in ws.events.read())
    return (
        [f"{ws.named(ws.ledger)} is gone, and the event log has {counted(drafts, 'draft')}"] if drafts else []
    )


def ledger_export(ws: Workspace, file: Path, prefix: str) -> Result:
    with stored(ws) as ledger:
        if ledger is None:
            raise UsageError(f"there is no {ws.named(ws.ledger)} yet", hint="a run makes it: expand next")
        rows = ledger.export(file, prefix=prefix)
    return Result("export", {"file": str(file), "rows": rows})
