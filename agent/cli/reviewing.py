"""diff, accept, reject, merge, undo: a person decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from agent.cli.running import events_option, finish, opened_stream, watched
from agent.cli.shared import FILE, json_option, model_option, show, workspace


@click.command()
@click.argument("slug")
@json_option
@click.pass_context
def diff(ctx: click.Context, slug: str, as_json: bool) -> None:
    """What a draft adds, as a patch that git apply takes."""
    from agent.commands import reviewing

    show(reviewing.diff(workspace(ctx), slug), as_json)


@click.command()
@click.argument("slug")
@click.argument("sections", nargs=-1, metavar="[SECTION…]")
@click.option("--note", default="", help="Why.")
@click.option("--with-errors", is_flag=True, help="Those too in which the checks found errors.")
@json_option
@click.pass_context
def accept(
    ctx: click.Context, slug: str, sections: tuple[str, ...], note: str, with_errors: bool, as_json: bool
) -> None:
    """Accept sections of a draft; none named: all that were not rejected."""
    from agent.commands import reviewing

    ws = workspace(ctx)
    show(
        reviewing.decide(ws, slug, sections, accept=True, note=note, with_errors=with_errors),
        as_json,
    )


@click.command()
@click.argument("slug")
@click.argument("sections", nargs=-1, metavar="[SECTION…]")
@click.option("--note", default="", help="What is wrong; it enters the next prompts.")
@json_option
@click.pass_context
def reject(ctx: click.Context, slug: str, sections: tuple[str, ...], note: str, as_json: bool) -> None:
    """Reject sections of a draft; none named: the whole draft, and the article is pending again."""
    from agent.commands import reviewing

    show(reviewing.decide(workspace(ctx), slug, sections, accept=False, note=note), as_json)


@click.command()
@click.argument("slug")
@click.argument("section", default="")
@click.option("--note", default="", help="What to do differently; it enters the prompt with the old text.")
@model_option
@events_option
@json_option
@click.pass_context
def redo(
    ctx: click.Context,
    slug: str,
    section: str,
    note: str,
    spec: str | None,
    events: str | None,
    as_json: bool,
) -> None:
    """Write one section again; without a section, what an earlier redo left waiting."""
    from agent.commands import reviewing

    with opened_stream(events) as stream:
        with watched(ctx, stream) as watch:
            result = reviewing.redo(workspace(ctx), slug, section, note=note, spec=spec, watch=watch)
        finish(ctx, result, as_json, stream, events)


@click.command()
@click.argument("slug", default="")
@click.option("--web", is_flag=True, help="In the browser, served on 127.0.0.1 until Ctrl-C.")
@click.option("--html", "html", type=FILE, metavar="FILE", help="Write one self-contained page to send.")
@click.option("--no-open", is_flag=True, help="With --web: print the address, start no browser.")
@click.option("--port", type=int, default=0, help="With --web: this port instead of a free one.")
@model_option
@json_option
@click.pass_context
def review(
    ctx: click.Context,
    slug: str,
    web: bool,
    html: Path | None,
    no_open: bool,
    port: int,
    spec: str | None,
    as_json: bool,
) -> None:
    """Decide on a draft section by section: here, in the browser, or on a page to send."""
    from agent.commands import reviewing
    from agent.commands.workspaces import refresh_report

    ws = workspace(ctx)
    name = reviewing.resolve(ws, slug) if slug else ""
    if html is not None:
        from agent.commands import Result
        from agent.web.export import export

        if not name:
            raise click.UsageError("--html needs a SLUG")
        show(Result("exported", asdict(export(ws, name, html))), as_json)
    if web:
        from agent.web.server import serve

        announce = announcer(not no_open)
        serve(ws, slug=name, spec=spec, port=port, announce=announce, on_change=lambda: refresh_report(ws))
        return
    if not name or as_json:
        show(reviewing.drafts(ws), as_json)
    from agent.review.terminal import walk

    try:
        walk(ws, name, spec=spec, refresh=lambda: refresh_report(ws))
    finally:
        refresh_report(ws)


def announcer(browser: bool) -> Callable[[str], None]:
    """Says where the review is, and starts the browser there."""

    def announce(address: str) -> None:
        click.echo(f"review: {address}\nCtrl-C ends it; decisions are on disk as they are made.", err=True)
        if browser:
            import webbrowser

            webbrowser.open(address)

    return announce


@click.command()
@click.argument("slugs", nargs=-1, required=True, metavar="SLUG…")
@click.option("--commit", is_flag=True, help="One commit for each article.")
@click.option(
    "--branch", is_flag=False, flag_value="", default=None, metavar="[NAME]",
    help="With a commit, on a new branch (expand/SLUG unless named), and stay there.",
)  # fmt: skip
@click.option(
    "--overwrite", multiple=True, metavar="SECTION",
    help="Replace this section although it was edited by hand in the article.",
)  # fmt: skip
@json_option
@click.pass_context
def merge(
    ctx: click.Context,
    slugs: tuple[str, ...],
    commit: bool,
    branch: str | None,
    overwrite: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write the accepted sections of drafts into their articles."""
    from agent.commands import reviewing

    ws = workspace(ctx)
    show(reviewing.merge(ws, slugs, commit=commit, branch=branch, overwrite=overwrite), as_json)


@click.command()
@click.argument("slug")
@json_option
@click.pass_context
def undo(ctx: click.Context, slug: str, as_json: bool) -> None:
    """Put an article back to the bytes it had before its merge."""
    from agent.commands import reviewing

    show(reviewing.undo(workspace(ctx), slug), as_json)
