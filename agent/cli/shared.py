"""What the groups of commands share: options, the workspace, and the one way a result leaves."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from agent.commands import Result
    from agent.workspace import Workspace

FILE = click.Path(path_type=Path, readable=False)
"""Whether a file can be read is found out by reading it: the error then says why it cannot, and what to do."""


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def model_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--model", "spec", metavar="SPEC", help="vendor:name, such as openai:gpt-5-mini or mailbox:DIR."
    )(command)


def unsafe_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--unsafe-no-sandbox",
        "unsafe",
        is_flag=True,
        help="Run the code unconfined where no sandbox works. It can do whatever you can.",
    )(command)


def workspace(ctx: click.Context) -> Workspace:
    from agent.workspace import find

    return find(ctx.obj)


def show(result: Result, as_json: bool) -> NoReturn:
    """Render a result on stdout and its errors on stderr, and leave with the exit code."""
    from agent.report.show import render

    try:
        if result.data is not None:
            render(result.view, result.data, result.raw, as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`expand diff … | head`): nothing is left to say, and what was done is done.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for error in result.errors:
        tell(str(error), error.hint)
    raise SystemExit(max([result.code, *(error.exit_code for error in result.errors)]))


def tell(message: str, hint: str) -> None:
    """Say on stderr what is wrong, and below it what to do."""
    from agent.report.plain import plain

    click.echo(f"error: {plain(message)}", err=True)
    for line in hint.splitlines():
        click.echo(f"  {plain(line)}", err=True)
