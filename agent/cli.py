"""The command line: parses, calls one command, renders its result, maps errors to exit codes.

Nothing heavy is imported before a command needs it, so that `expand --help` stays quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent import __version__
from agent.errors import ExpandError

if TYPE_CHECKING:
    from agent.commands import Result
    from agent.workspace import Workspace

INTERRUPTED = 130
BUG = 70
"""A defect of this program (EX_SOFTWARE of sysexits.h); never a documented outcome."""
FILE = click.Path(path_type=Path)


class Ordered(click.Group):
    """Commands in the order in which a person meets them, not the alphabet's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Ordered, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C", "folder", type=FILE, default=Path(), help="Workspace; else the nearest config.toml upwards."
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(__version__, prog_name="expand")
@click.pass_context
def cli(ctx: click.Context, folder: Path, debug: bool) -> None:
    """Turn short technical articles into long, verified derivations.

    Results go to stdout, progress to stderr. Exit codes: 0 done, 1 done but falls short, 2 wrong use or
    configuration, 3 the model or its service failed, 4 budget reached, 5 locked or source changed, 130 interrupted.
    """
    ctx.obj = folder


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def model_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--model", "spec", metavar="SPEC", help="vendor:name, such as openai:gpt-5-mini or mailbox:DIR."
    )(command)


def workspace(ctx: click.Context) -> Workspace:
    from agent.workspace import find

    return find(ctx.obj)


def show(result: Result, as_json: bool) -> None:
    """Render a result on stdout and leave with its exit code."""
    from agent.report.show import render

    render(result.view, result.data, result.raw, as_json)
    raise SystemExit(result.code)


@cli.command()
@click.argument("folder", type=FILE, default=Path())
@json_option
def init(folder: Path, as_json: bool) -> None:
    """Make a workspace, with a sample article where there are none."""
    from agent.commands import workspaces

    show(workspaces.init(folder), as_json)


@cli.group()
def plan() -> None:
    """Show the batch plan or build it."""


@plan.command("show")
@json_option
@click.pass_context
def plan_show(ctx: click.Context, as_json: bool) -> None:
    """The tree of batches, sub-batches and items."""
    from agent.commands import workspaces

    show(workspaces.plan_show(workspace(ctx)), as_json)


@cli.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Where every article stands, as measured."""
    from agent.commands import workspaces

    show(workspaces.status(workspace(ctx)), as_json)


@cli.command()
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


@cli.command()
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


@cli.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@json_option
def measure(files: tuple[Path, ...], as_json: bool) -> None:
    """Lines, formulas and the rest: the file's total and what was added."""
    from agent.commands import texts

    show(texts.measure_files(files), as_json)


@cli.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@click.option("--source", type=FILE, help="The author's original.")
@click.option("--from-git", is_flag=True, help="Find the original in the file's git history.")
@json_option
def check(files: tuple[Path, ...], source: Path | None, from_git: bool, as_json: bool) -> None:
    """Run every check on files; exit code 1 when one finds an error."""
    from agent.commands import texts

    show(texts.check_files(files, source=source, from_git=from_git), as_json)


@cli.command()
@click.argument("file", type=FILE)
@click.option("-o", "--output", type=FILE, help="Write the original there instead of stdout.")
@json_option
def strip(file: Path, output: Path | None, as_json: bool) -> None:
    """Give back the author's file, byte for byte."""
    from agent.commands import texts

    result = texts.strip_file(file)
    if not result.data["matches"]:
        click.echo(f"warning: {file}: the author's text was edited since it was read", err=True)
    if output is not None and result.raw is not None:
        from agent.workspace import write_bytes

        write_bytes(output, result.raw)
        raise SystemExit(result.code)
    show(result, as_json)


@cli.command()
@click.argument("slug")
@json_option
@click.pass_context
def diff(ctx: click.Context, slug: str, as_json: bool) -> None:
    """What a draft adds, as a patch that git apply takes."""
    from agent.commands import reviewing

    show(reviewing.diff(workspace(ctx), slug), as_json)


@cli.command()
@click.argument("slug")
@click.argument("sections", nargs=-1, metavar="[SECTION…]")
@click.option("--note", default="", help="Why.")
@json_option
@click.pass_context
def accept(ctx: click.Context, slug: str, sections: tuple[str, ...], note: str, as_json: bool) -> None:
    """Accept sections of a draft; none named: all of them."""
    from agent.commands import reviewing

    show(reviewing.decide(workspace(ctx), slug, sections, accept=True, note=note), as_json)


@cli.command()
@click.argument("slug")
@click.argument("sections", nargs=-1, metavar="[SECTION…]")
@click.option("--note", default="", help="What is wrong; it enters the next prompts.")
@json_option
@click.pass_context
def reject(ctx: click.Context, slug: str, sections: tuple[str, ...], note: str, as_json: bool) -> None:
    """Reject sections of a draft; none named: the whole draft, and the article is pending again."""
    from agent.commands import reviewing

    show(reviewing.decide(workspace(ctx), slug, sections, accept=False, note=note), as_json)


@cli.command()
@click.argument("slugs", nargs=-1, required=True, metavar="SLUG…")
@json_option
@click.pass_context
def merge(ctx: click.Context, slugs: tuple[str, ...], as_json: bool) -> None:
    """Write the accepted sections of drafts into their articles."""
    from agent.commands import reviewing

    show(reviewing.merge(workspace(ctx), slugs), as_json)


@cli.command()
@click.argument("slug")
@json_option
@click.pass_context
def undo(ctx: click.Context, slug: str, as_json: bool) -> None:
    """Put an article back to the bytes it had before its merge."""
    from agent.commands import reviewing

    show(reviewing.undo(workspace(ctx), slug), as_json)


@cli.command()
@json_option
@click.pass_context
def report(ctx: click.Context, as_json: bool) -> None:
    """Render PROGRESS_REPORT.md; what a person wrote in it stays."""
    from agent.commands import workspaces

    show(workspaces.report(workspace(ctx)), as_json)


@cli.group()
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


def main() -> None:
    """Entry point: run, and turn every error into a line and an exit code."""
    debug = "--debug" in sys.argv[1:]
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        fail("interrupted", "run the same command again: it goes on where it stopped", INTERRUPTED)
    except KeyboardInterrupt:
        fail("interrupted", "run the same command again: it goes on where it stopped", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except ExpandError as error:
        if debug:
            raise
        fail(str(error), error.hint, error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone (`expand diff … | head`); nothing is left to say.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        fail(f"unexpected {type(error).__name__}: {error}", "this is a defect; see it with --debug", BUG)


def fail(message: str, hint: str, code: int) -> None:
    from agent.report.plain import plain

    click.echo(f"error: {plain(message)}", err=True)
    for line in hint.splitlines():
        click.echo(f"  {plain(line)}", err=True)
    sys.exit(code)
