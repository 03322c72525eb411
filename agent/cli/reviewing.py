"""diff, accept, reject, merge, undo: a person decides."""

from __future__ import annotations

import click

from agent.cli.shared import json_option, show, workspace


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
@json_option
@click.pass_context
def accept(ctx: click.Context, slug: str, sections: tuple[str, ...], note: str, as_json: bool) -> None:
    """Accept sections of a draft; none named: all of them."""
    from agent.commands import reviewing

    show(reviewing.decide(workspace(ctx), slug, sections, accept=True, note=note), as_json)


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
@click.argument("slugs", nargs=-1, required=True, metavar="SLUG…")
@json_option
@click.pass_context
def merge(ctx: click.Context, slugs: tuple[str, ...], as_json: bool) -> None:
    """Write the accepted sections of drafts into their articles."""
    from agent.commands import reviewing

    show(reviewing.merge(workspace(ctx), slugs), as_json)


@click.command()
@click.argument("slug")
@json_option
@click.pass_context
def undo(ctx: click.Context, slug: str, as_json: bool) -> None:
    """Put an article back to the bytes it had before its merge."""
    from agent.commands import reviewing

    show(reviewing.undo(workspace(ctx), slug), as_json)
