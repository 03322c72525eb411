"""evaluate: measured quality of expansions, and a blind comparison of two."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.article import read, regions, strip
from agent.commands.files import of_each
from agent.commands.result import Result
from agent.commands.texts import load
from agent.config import Config
from agent.errors import ConfigError, UsageError
from agent.pipeline.evaluate import Comparison, compare, evaluate
from agent.pipeline.watch import Watch
from agent.workspace import Workspace, find

MODELLESS = "evaluate --against needs a judge: --model SPEC, such as openai:gpt-5-mini or mailbox:DIR"


def evaluate_files(
    folder: Path,
    paths: Sequence[Path],
    *,
    against: Path | None,
    source: Path | None,
    spec: str | None,
    watch: Watch,
) -> Result:
    """Measures of each file and, with ``against``, what a judge who does not know whose they are prefers."""

    def measured(path: Path) -> dict[str, Any]:
        load(path)
        return asdict(evaluate(path))

    rows, errors = of_each((*paths, *([against] if against else [])), measured)
    if against and errors:
        raise errors[0]  # no judge is asked, and paid, for half of what was wished
    compared = [asdict(c) for c in _compare(folder, paths, against, source, spec, watch)] if against else []
    data = {"measured": rows, "compared": compared} if rows else None
    return Result("evaluate", data, errors=errors)


def _compare(
    folder: Path, paths: Sequence[Path], against: Path, source: Path | None, spec: str | None, watch: Watch
) -> list[Comparison]:
    from agent.llm import Client, Ledger, open_model, priced
    from agent.pipeline.models import settings
    from agent.pipeline.resources import budget_of, retry_policy
    from agent.pipeline.times import Times
    from agent.prompts import open_library

    ws = _workspace(folder)
    wanted = spec or (ws.config.spec_for("referee") if ws else "auto")
    if wanted == "auto":
        raise UsageError(MODELLESS)
    original = read(_original(paths[0], against, source), "source.md")
    ledger = Ledger(ws.ledger if ws else _scratch())
    model = open_model(wanted, settings(ws.config if ws else Config()))
    budget = budget_of(ws, ledger, priced(ws.config.prices.models), Times(), watch) if ws else None
    # In a workspace its caps and its patience hold for a judge as for everybody.
    client = Client(
        ledger,
        {"default": model},
        retry=retry_policy(ws) if ws else None,
        budget=budget,
        observe=watch.calls,
    )

    async def run() -> list[Comparison]:
        try:
            return [
                await compare(
                    client, open_library(ws.prompts if ws else None), original, p, against, model.identity
                )
                for p in paths
            ]
        finally:
            await client.aclose()

    try:
        return asyncio.run(run())
    finally:
        if budget is not None:
            budget.close()
        ledger.close()


def _workspace(folder: Path) -> Workspace | None:
    try:
        return find(folder)
    except ConfigError:
        return None


def _scratch() -> Path:
    """Outside a workspace, replies are kept in the user's cache: they are not paid for twice either."""
    from platformdirs import user_cache_path

    return user_cache_path("expand-articles") / "evaluate.db"


def _original(path: Path, against: Path, source: Path | None) -> bytes:
    """The author's article: named, or what is left of a file without its regions."""
    if source is not None:
        return load(source)
    for candidate in (path, against):
        data = load(candidate)
        if regions(data):
            return strip(data)
    raise UsageError(
        "neither file holds regions, so the original is not known", hint="name it with --source FILE"
    )
