"""The command line: parses, calls one command, renders its result, maps errors to exit codes.

Nothing heavy is imported before a command needs it, so that `expand --help` stays quick.
"""

from __future__ import annotations

import gc
import io
import sys
from pathlib import Path

import click

from agent import __version__
from agent.cli import books, expansion, reviewing, texts
from agent.cli.shared import FILE, tell
from agent.errors import ExpandError, UsageError

INTERRUPTED = 130
FILE_HINT = "check that it is there, that you may read and write it, and that the disk has room"
BUG = 70
"""A defect of this program (EX_SOFTWARE of sysexits.h); never a documented outcome."""


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


COMMANDS: tuple[click.Command, ...] = (
    books.init,
    books.plan,
    books.status,
    expansion.next,
    expansion.run,
    expansion.batch,
    books.adopt,
    texts.measure,
    texts.check,
    texts.strip,
    books.audit,
    texts.witness,
    texts.experiment,
    texts.evaluate,
    reviewing.diff,
    reviewing.review,
    reviewing.accept,
    reviewing.reject,
    reviewing.redo,
    reviewing.merge,
    reviewing.undo,
    books.report,
    books.cost,
    books.ledger,
    books.doctor,
)
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Entry point: run, and turn every error into a line and an exit code."""
    debug = "--debug" in sys.argv[1:]
    # What is known of thousands of articles holds no cycles; by default it would be searched for them again and again.
    gc.set_threshold(100_000)
    stdout = sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # In a locale that lacks a character, a question mark is better than an end in the middle.
            stream.reconfigure(errors="replace")
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort as error:
        if isinstance(error.__context__, EOFError):
            fail("nobody answered the question: standard input has ended", "use --yes", UsageError.exit_code)
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
    except SystemExit:
        if sys.stdout is not stdout:
            # The reader of a help text has gone: click wraps the stream and ends with 1, which here means falling
            # short.
            sys.exit(0)
        raise
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.filename is not None:
            # A file that is gone, closed to us or damaged is the machine's doing.
            fail(f"{error.filename}: {error.strerror}", FILE_HINT, UsageError.exit_code)
        fail(f"unexpected {type(error).__name__}: {error}", "this is a defect; see it with --debug", BUG)


def fail(message: str, hint: str, code: int) -> None:
    tell(message, hint)
    sys.exit(code)
