"""next, run, batch: the main job."""

from __future__ import annotations

import click

from agent.cli.running import events_option, finish, opened_stream, watched
from agent.cli.shared import json_option, model_option, workspace


@click.command()
@click.option("--dry-run", is_flag=True, help="Say which article and what it will take; call nothing.")
@model_option
@events_option
@json_option
@click.pass_context
def next(ctx: click.Context, dry_run: bool, spec: str | None, events: str | None, as_json: bool) -> None:
    """Expand the next pending article of the plan."""
    from agent.commands import expansion

    with opened_stream(events) as stream:
        with watched(ctx, stream, dry_run=dry_run) as watch:
            result = expansion.next_article(workspace(ctx), spec=spec, dry_run=dry_run, watch=watch)
        finish(ctx, result, as_json, stream, events)


@click.command()
@click.argument("slugs", nargs=-1, required=True, metavar="SLUG…")
@click.option("--dry-run", is_flag=True, help="Say what it will take; call nothing.")
@model_option
@events_option
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    slugs: tuple[str, ...],
    dry_run: bool,
    spec: str | None,
    events: str | None,
    as_json: bool,
) -> None:
    """Expand the named articles, in the plan or not."""
    from agent.commands import expansion

    with opened_stream(events) as stream:
        with watched(ctx, stream, dry_run=dry_run) as watch:
            result = expansion.run_articles(workspace(ctx), slugs, spec=spec, dry_run=dry_run, watch=watch)
        finish(ctx, result, as_json, stream, events)


@click.command()
@click.argument("id")
@click.option(
    "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Calls in flight at most, over all articles."
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N pending articles.")
@click.option(
    "--via",
    type=click.Choice(["batch-api"]),
    help="Send the calls as files to the OpenAI Batch API: half the price, hours for minutes.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    help="Who writes: this process, or the workers of a Dask cluster.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Dask scheduler, such as tcp://host:8786, or its scheduler file; else workers on this machine.",
)
@click.option("--dry-run", is_flag=True, help="Say what it will take, article by article; call nothing.")
@model_option
@events_option
@json_option
@click.pass_context
def batch(
    ctx: click.Context,
    id: str,
    jobs: int | None,
    limit: int | None,
    via: str | None,
    engine: str,
    scheduler: str | None,
    dry_run: bool,
    spec: str | None,
    events: str | None,
    as_json: bool,
) -> None:
    """Expand what is pending of a batch or sub-batch, side by side.

    One article that fails stops no other; it is tried once more at the end. Ctrl-C waits for the replies under way
    and stores them; run again, the same command goes on.
    """
    from agent.commands import batch as batching

    ws = workspace(ctx)
    with opened_stream(events) as stream:
        with watched(ctx, stream, dry_run=dry_run) as watch:
            result = batching.batch(
                ws,
                id,
                jobs=jobs,
                limit=limit,
                spec=spec,
                dry_run=dry_run,
                watch=watch,
                via=via,
                engine=engine,
                scheduler=scheduler,
            )
        finish(ctx, result, as_json, stream, events)
