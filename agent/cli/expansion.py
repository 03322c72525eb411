"""next, run, batch: the main job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent.cli.shared import json_option, model_option, show, workspace

if TYPE_CHECKING:
    from agent.commands import Result


@click.command()
@click.option("--dry-run", is_flag=True, help="Say which article and what it will take; call nothing.")
@model_option
@json_option
@click.pass_context
def next(ctx: click.Context, dry_run: bool, spec: str | None, as_json: bool) -> None:
    """Expand the next pending article of the plan."""
    from agent.commands import expansion
    from agent.report.live import watching

    with watching() as watch:
        result = expansion.next_article(workspace(ctx), spec=spec, dry_run=dry_run, watch=watch)
    refresh(ctx, result)
    show(result, as_json)


@click.command()
@click.argument("slugs", nargs=-1, required=True, metavar="SLUG…")
@click.option("--dry-run", is_flag=True, help="Say what it will take; call nothing.")
@model_option
@json_option
@click.pass_context
def run(ctx: click.Context, slugs: tuple[str, ...], dry_run: bool, spec: str | None, as_json: bool) -> None:
    """Expand the named articles, in the plan or not."""
    from agent.commands import expansion
    from agent.report.live import watching

    with watching() as watch:
        result = expansion.run_articles(workspace(ctx), slugs, spec=spec, dry_run=dry_run, watch=watch)
    refresh(ctx, result)
    show(result, as_json)


def refresh(ctx: click.Context, result: Result) -> None:
    """Keep PROGRESS_REPORT.md up to date after a run."""
    if result.view == "finished":
        from agent.commands import workspaces

        workspaces.update_report(workspace(ctx))
