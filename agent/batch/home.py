"""The driver's side of an article that is written elsewhere: it answers what the worker asks.

The ledger, the models, the budget, the limits, the shelf of the laboratory and the event log are here and nowhere
else. So a worker that dies takes nothing along, and what it had asked for is there for the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.batch.wire import (
    Begun,
    Confirm,
    Done,
    Holds,
    Judge,
    Keep,
    Known,
    Line,
    Parcel,
    RowOf,
    Written,
)
from agent.config import ModelConfig, RolesConfig
from agent.errors import PathEscape
from agent.pipeline.job import Progress
from agent.pipeline.outputs import remove_other_sections
from agent.pipeline.resources import Resources
from agent.pipeline.run import Order
from agent.workspace import Workspace, write_bytes

LAST = "draft.md"
"""Written after all else: a draft that is there has a report that describes it."""


class Home:
    """One article's."""

    def __init__(self, resources: Resources, order: Order) -> None:
        self.slug = order.frozen.slug
        self._worker = ""
        self._resources = resources
        self._client = order.client
        self._bibliography = resources.bibliography(self.slug)

    @property
    def begun(self) -> bool:
        return bool(self._worker)

    def heard(self, news: Any) -> None:
        """Take note of what waits for no answer."""
        match news:
            case Begun(worker):
                if self._worker:
                    self._resources.watch.line(
                        f"{self.slug}: worker {self._worker} is gone, {worker} goes on with it"
                    )
                self._worker = worker
            case Progress():
                self._resources.watch.progress(news)
            case Line(text):
                self._resources.watch.line(text)

    async def answer(self, question: Any) -> Any:
        """Answer a question. Raises what the client raises."""
        match question:
            case Holds(call):
                return await self._client.holds(call)
            case RowOf(role, call, prefix):
                return await self._client.row(role, call, prefix)
            case Judge(key, name, status, problem):
                return await self._client.judge(key, name, status, problem)
            case Known(keys):
                return await asyncio.to_thread(self._resources.shelf.read, keys)
            case Keep(files):
                return await asyncio.to_thread(self._resources.shelf.write, files)
            case Confirm(wanted):
                return await self._bibliography.confirm(wanted)
            case Done():
                return None
        raise TypeError(f"nobody can answer {question!r}")

    def store(self, written: Written) -> Mapping[str, Any]:
        """Write a finished article into its folder; gives its report.

        Raises PathEscape for a file that would lie outside, before any is written.
        """
        folder = self._resources.ws.output(self.slug)
        inside = Workspace(folder, self._resources.ws.config).inside
        places = {name: inside(name) for name in sorted(written.files, key=lambda n: n == LAST)}
        for name, path in places.items():
            if path == folder:
                raise PathEscape(f"{name!r} is no file of {self.slug}")
        for name, path in places.items():
            write_bytes(path, written.files[name])
        remove_other_sections(folder, {path.name for path in places.values()})
        return written.report


def parcel_of(resources: Resources, order: Order, *, home: str, inbox: str) -> Parcel:
    """What a worker is sent. Of the models it is told no more than shapes prompts: an endpoint can hold a password."""
    ws = resources.ws
    model = ModelConfig(temperature=ws.config.model.temperature, figures=ws.config.model.figures)
    return Parcel(
        frozen=order.frozen,
        config=replace(ws.config, model=model, roles=RolesConfig()),
        prompts={
            path.relative_to(ws.root).as_posix(): path.read_bytes()
            for path in sorted(ws.prompts.rglob("*"))
            if path.is_file()
        },
        identities=order.identities,
        home=home,
        inbox=inbox,
    )
