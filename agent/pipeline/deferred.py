"""`--via batch-api`: what is different in a run whose calls go in files, for less and later."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from agent.config import ROLES, Config
from agent.errors import UsageError
from agent.llm import Ledger
from agent.llm.batch_api import BatchApi, no_batches
from agent.llm.batch_journal import Journal
from agent.llm.model import Staying
from agent.llm.retry import RetryPolicy
from agent.pipeline.models import AUTO
from agent.pipeline.times import Times
from agent.pipeline.watch import Watch
from agent.workspace import Workspace, hold

VIA = "batch-api"
KEPT = timedelta(days=30)
"""For which services keep what a batch answered."""
AT_ONCE = 50_000
"""Calls that may wait at a time: as many as one file takes."""


def deferred(ws: Workspace) -> Workspace:
    """The workspace with what limits requests taken away: in a file there are none. A call that fails is sent again
    in the next file by the model itself, so that nobody else tries."""
    config = ws.config
    return replace(
        ws,
        config=replace(
            config,
            loop=replace(config.loop, concurrency=AT_ONCE),
            limits=replace(config.limits, rpm=None, tpm=None, warm=0.0),
            retry=replace(config.retry, attempts=1),
        ),
    )


def check(config: Config, spec: str | None) -> None:
    """Raises UsageError where a role's model cannot be asked through files."""
    for role in ROLES:
        wanted = spec or config.spec_for(role)
        if wanted == AUTO and not os.environ.get(config.model.api_key_env):
            raise UsageError(
                "--via batch-api needs a key",
                hint=f"set {config.model.api_key_env}; recordings and mailboxes know no files of calls",
            )
        if wanted != AUTO and wanted.partition(":")[0] != "openai":
            raise no_batches(wanted)


def journal_of(ws: Workspace) -> Path:
    return ws.outputs / "batches.jsonl"


@contextmanager
def opened(
    ws: Workspace, watch: Watch, ledger: Ledger, retry: RetryPolicy, times: Times
) -> Iterator[BatchApi]:
    """The batch API of a run. Raises Locked while another process of this workspace uses it: what one sends, the
    other would not know of."""
    with hold(ws.locks, "--via batch-api"):
        yield BatchApi(
            Journal(journal_of(ws), times.now),
            stored=lambda key: ledger.get(key) is not None,
            retry=retry,
            sleep=times.sleep,
            now=times.now,
            observe=watch.calls,
        )


def left_behind(ws: Workspace, now: datetime) -> Staying:
    """Calls and batches whose answers a later run has to fetch."""
    path = journal_of(ws)
    open_ones = Journal(path).outstanding() if path.is_file() else []
    rounds = [r for r in open_ones if r.batch and now - r.at < KEPT]
    return Staying(sum(len(r.keys) for r in rounds), len(rounds))


def staying_line(staying: Staying) -> str:
    """What a person should know of it; empty where there is nothing."""
    if not staying.batches:
        return ""
    calls = "1 call" if staying.calls == 1 else f"{staying.calls} calls"
    batches = "1 batch" if staying.batches == 1 else f"{staying.batches} batches"
    return f"{calls} in {batches} stay with the service: expand batch … --via batch-api fetches them"
