"""The screens: one function a view. Everything an article or a model wrote is made plain before it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console

from agent.report.reviews import REVIEWS
from agent.report.screens import batches, runs, texts, workspace


def screen(view: str, data: Any, console: Console | None = None) -> None:
    """Show ``data`` as the screen ``view``."""
    # Written in one piece: rich would flush after each line of a long screen.
    with console or default_console() as whole:
        SCREENS[view](whole, data)


class Screen(Console):
    """A console that leaves it to the caller what a reader that has gone means; rich would end with code 1, which
    here means that something fell short."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def default_console() -> Console:
    """stdout. Through a pipe nothing is wrapped or cut: another program reads it."""
    console = Screen(highlight=False)
    return console if console.is_terminal else Screen(highlight=False, soft_wrap=True, width=200)


SCREENS: dict[str, Callable[[Console, Any], None]] = {
    **REVIEWS,
    "init": workspace.show_init,
    "status": workspace.show_status,
    "plan": workspace.show_plan,
    "dry-run": runs.show_dry_run,
    "forecast": batches.show_forecast,
    "batch": batches.show_batch,
    "nothing": runs.show_nothing,
    "finished": runs.show_finished,
    "measure": texts.show_measure,
    "findings": texts.show_findings,
    "report": workspace.show_report,
    "ledger": runs.show_ledger,
    "verify": runs.show_verify,
    "export": runs.show_export,
    "import": workspace.show_import,
    "adopt": workspace.show_adopt,
    "audit": workspace.show_audit,
    "cost": runs.show_cost,
    "witness": texts.show_witness,
    "experiment": texts.show_experiment,
    "doctor": workspace.show_doctor,
    "evaluate": texts.show_evaluate,
    "propose": workspace.show_propose,
}
