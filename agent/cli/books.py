"""init, plan, status, adopt, audit, report, ledger, doctor: a workspace as a whole."""

from __future__ import annotations

import math
from pathlib import Path

import click

from agent.cli.shared import FILE, json_option, model_option, show, workspace


@click.command()
@click.argument("folder", type=FILE, default=Path())
@json_option
def init(folder: Path, as_json: bool) -> None:
    """Make a workspace, with a sample article where there are none."""
    from agent.commands import workspaces

    show(workspaces.init(folder), as_json)


@click.group()
def plan() -> None:
    """Show the batch plan or build it."""


@plan.command("show")
@json_option
@click.pass_context
def plan_show(ctx: click.Context, as_json: bool) -> None:
    """The tree of batches, sub-batches and items."""
    from agent.commands import workspaces

    show(workspaces.plan_show(workspace(ctx)), as_json)


def _a_number(ctx: click.Context, option: click.Parameter, seconds: float) -> float:
    """Click lets NaN through: it lies below no bound."""
    if math.isnan(seconds):
        raise click.BadParameter("nan is no number of seconds")
    return seconds


@click.command()
@click.option("--watch", is_flag=True, help="Keep it up to date, with what runs now, until Ctrl-C.")
@click.option(
    "--every",
    type=click.FloatRange(0.1, 86_400),
    default=2.0,
    show_default=True,
    callback=_a_number,
    help="Seconds between two looks.",
)
@json_option
@click.pass_context
def status(ctx: click.Context, watch: bool, every: float, as_json: bool) -> None:
    """Where every article stands, as measured."""
    from agent.commands import workspaces

    if watch:
        from agent.report.watching import watch_status

        watch_status(lambda: workspaces.status(workspace(ctx)).data, workspace(ctx).locks, every, as_json)
        return
    show(workspaces.status(workspace(ctx)), as_json)


@click.command()
@json_option
@click.pass_context
def report(ctx: click.Context, as_json: bool) -> None:
    """Render PROGRESS_REPORT.md; what a person wrote in it stays."""
    from agent.commands import workspaces

    show(workspaces.report(workspace(ctx)), as_json)


@click.group()
def ledger() -> None:
    """The store of calls: stats, verify, export."""


@ledger.command("stats")
@json_option
@click.pass_context
def ledger_stats(ctx: click.Context, as_json: bool) -> None:
    """Calls, tokens and cost by model."""
    from agent.commands import workspaces

    show(workspaces.ledger_stats(workspace(ctx)), as_json)


@ledger.command("verify")
@json_option
@click.pass_context
def ledger_verify(ctx: click.Context, as_json: bool) -> None:
    """Recompute every key and digest; exit code 1 when something was changed."""
    from agent.commands import workspaces

    show(workspaces.ledger_verify(workspace(ctx)), as_json)


@ledger.command("export")
@click.argument("file", type=FILE)
@click.option("--slug", default="", help="Only the calls of this article.")
@json_option
@click.pass_context
def ledger_export(ctx: click.Context, file: Path, slug: str, as_json: bool) -> None:
    """Write a recording that `--model replay:FILE` answers from."""
    from agent.commands import workspaces

    show(workspaces.ledger_export(workspace(ctx), file, f"{slug}/" if slug else ""), as_json)


@plan.command("import")
@click.argument("files", nargs=-1, type=FILE, metavar="[FILE…]")
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@json_option
@click.pass_context
def plan_import(ctx: click.Context, files: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Build plan.toml from progress reports, TODO lists and article lists; run again, it merges."""
    from agent.commands import bookkeeping

    show(bookkeeping.plan_import(workspace(ctx), files, write=not dry_run), as_json)


@plan.command("propose")
@click.option("--size", default=10, show_default=True, help="Articles a sub-batch holds at most.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@json_option
@click.pass_context
def plan_propose(ctx: click.Context, size: int, yes: bool, as_json: bool) -> None:
    """Group the articles no batch names into sub-batches; written after a yes."""
    from agent.commands import bookkeeping
    from agent.report.show import render

    ws = workspace(ctx)
    result = bookkeeping.plan_propose(ws, size=size)
    render(result.view, result.data, result.raw, as_json)
    if result.data["groups"] and (yes or (not as_json and click.confirm("Add this to the plan?", err=True))):
        bookkeeping.plan_accept(ws, result.data)
        click.echo(f"{ws.config.paths.plan}: batch {result.data['batch']} added", err=True)
    raise SystemExit(result.code)


@click.command()
@click.argument("files", nargs=-1, type=FILE, metavar="[FILE…]")
@click.option("--dry-run", is_flag=True, help="Show what would be recorded; record nothing.")
@json_option
@click.pass_context
def adopt(ctx: click.Context, files: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Record, as measured, what was expanded by hand."""
    from agent.commands import bookkeeping

    show(bookkeeping.adopt(workspace(ctx), files, write=not dry_run), as_json)


@click.command()
@click.argument("files", nargs=-1, type=FILE, metavar="[FILE…]")
@json_option
@click.pass_context
def audit(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """What the documents of a workspace claim, beside what is measured."""
    from agent.commands import bookkeeping

    show(bookkeeping.audit(workspace(ctx), files), as_json)


@click.command()
@json_option
@click.pass_context
def cost(ctx: click.Context, as_json: bool) -> None:
    """Calls, tokens and money by article, section, role, model and day (UTC), rejected replies included."""
    from agent.commands import bookkeeping

    show(bookkeeping.cost(workspace(ctx)), as_json)


@click.command()
@model_option
@json_option
@click.pass_context
def doctor(ctx: click.Context, spec: str | None, as_json: bool) -> None:
    """What works on this machine and what does not, with a fix for each failure.

    Every model that a run would ask gets two small calls, which no ledger and no cap counts.
    """
    from agent.commands import doctor as examination

    show(examination.examine(ctx.obj, spec), as_json)
