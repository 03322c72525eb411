"""measure, check, strip, witness, experiment: files, without a workspace."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.shared import FILE, json_option, model_option, show, unsafe_option


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@json_option
def measure(files: tuple[Path, ...], as_json: bool) -> None:
    """Lines, formulas and the rest: the file's total and what was added."""
    from agent.commands import texts

    show(texts.measure_files(files), as_json)


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@click.option("--source", type=FILE, help="The author's original.")
@click.option("--from-git", is_flag=True, help="Find the original in the file's git history.")
@json_option
def check(files: tuple[Path, ...], source: Path | None, from_git: bool, as_json: bool) -> None:
    """Run every check on files; exit code 1 when one finds an error."""
    from agent.commands import texts

    show(texts.check_files(files, source=source, from_git=from_git), as_json)


@click.command()
@click.argument("file", type=FILE)
@click.option("-o", "--output", type=FILE, help="Write the original there instead of stdout.")
@json_option
def strip(file: Path, output: Path | None, as_json: bool) -> None:
    """Give back the author's file, byte for byte."""
    from agent.commands import texts

    result = texts.strip_file(file)
    if not result.data["regions"]:
        click.echo(f"note: {file}: holds no regions, so this is the whole file as it is", err=True)
    if not result.data["matches"]:
        click.echo(f"warning: {file}: the author's text was edited since it was read", err=True)
    if output is not None and result.raw is not None:
        from agent.errors import UsageError
        from agent.workspace import write_bytes

        if not output.parent.is_dir():
            raise UsageError(
                f"{output}: there is no folder {output.parent}", hint="make it, or mend the path"
            )
        write_bytes(output, result.raw)
        raise SystemExit(result.code)
    show(result, as_json)


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@unsafe_option
@json_option
def witness(files: tuple[Path, ...], unsafe: bool, as_json: bool) -> None:
    """Run witnesses in the sandbox: programs, or articles that hold them or have them beside them, as a draft has."""
    from agent.commands import laboratory

    show(laboratory.witness(files, unsafe=loud(unsafe)), as_json)


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE.py…")
@unsafe_option
@json_option
def experiment(files: tuple[Path, ...], unsafe: bool, as_json: bool) -> None:
    """Run experiments in the sandbox, under fixed seeds; their values, tables and figures come back typed."""
    from agent.commands import laboratory

    show(laboratory.experiment(files, unsafe=loud(unsafe)), as_json)


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@click.option(
    "--against", type=FILE, help="Have a judge compare each file with this one, blind and in both orders."
)
@click.option("--source", type=FILE, help="The author's original, where no file holds regions.")
@model_option
@json_option
@click.pass_context
def evaluate(
    ctx: click.Context,
    files: tuple[Path, ...],
    against: Path | None,
    source: Path | None,
    spec: str | None,
    as_json: bool,
) -> None:
    """How good expansions are: measured, and by a judge. Evidence, not truth."""
    from agent.commands import evaluation
    from agent.report.live import watching

    with watching() as watch:
        result = evaluation.evaluate_files(
            ctx.obj, files, against=against, source=source, spec=spec, watch=watch
        )
    show(result, as_json)


def loud(unsafe: bool) -> bool:
    """Say on stderr what running without a sandbox means, where that was asked for."""
    if unsafe:
        click.echo(
            "warning: --unsafe-no-sandbox: where no sandbox works this code runs unconfined, with all your rights",
            err=True,
        )
    return unsafe
