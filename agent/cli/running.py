"""What commands that call models have in common: a watch on stderr, a stream of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from agent.cli.shared import show, workspace

if TYPE_CHECKING:
    from agent.commands import Result
    from agent.pipeline.watch import Watch
    from agent.report.stream import Stream


def events_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--events",
        metavar="FILE",
        help="Append what happens to FILE as JSON lines; - writes them to stdout, the result as the last.",
    )(command)


def opened_stream(events: str | None) -> AbstractContextManager[Stream | None]:
    from agent.report.live import opened

    return opened(events)


@contextmanager
def watched(ctx: click.Context, stream: Stream | None, *, dry_run: bool = False) -> Iterator[Watch]:
    """A watch on stderr, of plain lines for a dry run; the stream of events, where one is asked for, is told too."""
    from agent.llm.prices import priced
    from agent.report.live import watching

    ws = workspace(ctx)
    with watching(
        price=priced(ws.config.prices.models), stream=stream, notes=ws.locks, runs=not dry_run
    ) as watch:
        yield watch


def finish(
    ctx: click.Context, result: Result, as_json: bool, stream: Stream | None, events: str | None
) -> NoReturn:
    refresh(ctx, result)
    if stream is not None:
        stream.write("result", code=result.code, data=result.data)
    if events == "-":
        raise SystemExit(result.code)
    show(result, as_json)


def refresh(ctx: click.Context, result: Result) -> None:
    """Keep PROGRESS_REPORT.md up to date after a run."""
    if result.view in ("finished", "batch"):
        from agent.commands import workspaces

        workspaces.refresh_report(workspace(ctx))
