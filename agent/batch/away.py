"""A worker's side: an article's whole way in a folder of its own, with the driver for all that must be one of a kind."""

from __future__ import annotations

import asyncio
import os
import pickle
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from agent.batch.wire import (
    Answer,
    Begun,
    Confirm,
    Done,
    Holds,
    Judge,
    Keep,
    Known,
    Letter,
    Line,
    Parcel,
    RowOf,
    Stop,
    Written,
)
from agent.errors import Interrupted
from agent.lab import Sandbox
from agent.llm import Answer as Usable
from agent.llm import Price, Request, Row, priced
from agent.llm.asking import Judged, ask
from agent.pipeline.citations import Bibliography, Confirmed
from agent.pipeline.records import Wanted
from agent.pipeline.resources import sandbox_of
from agent.pipeline.run import write_article
from agent.pipeline.shelf import Shelf
from agent.pipeline.watch import Watch
from agent.pipeline.workshop import Workshop
from agent.records import Call
from agent.workspace import Workspace, write_bytes

T = TypeVar("T")
Post = Callable[[bytes], Awaitable[object]]
Receive = Callable[[], Awaitable[bytes]]


class Link:
    """The driver, as a worker sees it. Belongs to one event loop; `tell` may be called from any thread."""

    def __init__(self, parcel: Parcel, replies: str, post: Post) -> None:
        self.rows: dict[str, Row] = {}
        """All that was answered, by key."""
        self._parcel = parcel
        self._replies = replies
        self._post = post
        self._loop = asyncio.get_running_loop()
        self._numbers = count(1)
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._letters: asyncio.Queue[Letter | None] = asyncio.Queue()

    async def ask(self, request: Request[T]) -> Usable[T]:
        """As `agent.llm.client.Client.ask`: the tries are made here, the replies come from home."""
        return await ask(self, request)

    def identity(self, role: str) -> str:
        return self._parcel.identities[role]

    async def holds(self, call: Call) -> bool:
        return bool(await self.say(Holds(call)))

    async def row(self, role: str, call: Call, prefix: str) -> tuple[Row, bool]:
        row, changed = await self.say(RowOf(role, call, prefix))
        self.rows[row.key] = row
        return row, changed

    async def judge(self, key: str, name: str, status: Judged, problem: str) -> Row:
        row: Row = await self.say(Judge(key, name, status, problem))
        return row

    async def say(self, question: object) -> Any:
        """Ask the driver. Raises what it raised, Interrupted when the article is given up there."""
        number = next(self._numbers)
        answer = self._open[number] = self._loop.create_future()
        self._put(self._letter(question, number))
        try:
            return await answer
        finally:
            del self._open[number]

    def tell(self, news: object) -> None:
        """Tell the driver something that it does not answer."""
        self._put(self._letter(news))

    def heard(self, answer: Answer) -> None:
        waiting = self._open.get(answer.number)
        if waiting is None or waiting.done():
            return
        if answer.error is not None:
            waiting.set_exception(answer.error)
        else:
            waiting.set_result(answer.value)

    async def deliver(self) -> None:
        """Send letters in their order, those that wait together in one go, until `close`."""
        closed = False
        while not closed:
            letters = [await self._letters.get()]
            while not self._letters.empty():
                letters.append(self._letters.get_nowait())
            closed = None in letters
            if said := [letter for letter in letters if letter is not None]:
                await self._post(pickle.dumps(said))

    async def listen(self, receive: Receive) -> None:
        """Take answers until the driver says that nobody waits for the article any more."""
        while not isinstance(said := pickle.loads(await receive()), Stop):
            self.heard(said)

    def close(self) -> None:
        self._put(None)

    def _put(self, letter: Letter | None) -> None:
        # All by this one door, so that what is said first is sent first.
        self._loop.call_soon_threadsafe(self._letters.put_nowait, letter)

    def _letter(self, content: object, number: int = 0) -> Letter:
        return Letter(self._parcel.home, self._replies, number, content)


@dataclass(frozen=True, slots=True)
class LinkedShelf(Shelf):
    """The shelf of the folder here, with the driver's behind it."""

    link: Link | None = None

    async def fetch(self, keys: Sequence[str]) -> None:
        assert self.link is not None
        missing = [key for key in keys if not self.read([key])]
        if missing:
            files = await self.link.say(Known(missing))
            await asyncio.to_thread(self.write, files)

    async def share(self, keys: Sequence[str]) -> None:
        assert self.link is not None
        if files := await asyncio.to_thread(self.read, keys):
            await self.link.say(Keep(files))


@dataclass(frozen=True, slots=True)
class LinkedBibliography(Bibliography):
    """The driver's: it alone goes out to the services, and it freezes what they say."""

    link: Link | None = None

    async def confirm(self, wanted: Sequence[Wanted]) -> Confirmed:
        assert self.link is not None
        found: Confirmed = await self.link.say(Confirm(wanted)) if wanted else Confirmed()
        return found


@dataclass(frozen=True, slots=True)
class Away:
    """What a worker writes an article with; see `agent.pipeline.prepare.Means`."""

    ws: Workspace
    link: Link
    watch: Watch
    price: Price
    sandbox: Sandbox | None
    workshop: Workshop
    shelf: Shelf

    def bibliography(self, slug: str) -> Bibliography:
        return LinkedBibliography(link=self.link)


async def write_linked(parcel: Parcel, link: Link, *, worker: str, neighbours: int) -> Written:
    """Write an article. ``neighbours``: worker processes on this machine, this one among them."""
    with tempfile.TemporaryDirectory(prefix="expand-") as folder:
        ws = Workspace(Path(folder), parcel.config)
        for name, data in parcel.prompts.items():
            write_bytes(ws.inside(name), data)
        link.tell(Begun(worker))
        watch = Watch(progress=link.tell, line=lambda text: link.tell(Line(f"{worker}: {text}")))
        means = Away(
            ws=ws,
            link=link,
            watch=watch,
            price=priced(ws.config.prices.models),
            sandbox=await asyncio.to_thread(sandbox_of, ws, watch),
            workshop=workshop_of(max(1, (os.cpu_count() or 1) // neighbours)),
            shelf=LinkedShelf(ws.outputs / ".cache", link),
        )
        draft = await write_article(means, parcel.frozen, link, link.rows.get, parcel.identities)
        report = await asyncio.to_thread(draft)
        await link.say(Done())
        return Written(report, await asyncio.to_thread(files_of, ws.output(parcel.frozen.slug)))


@lru_cache(maxsize=1)
def workshop_of(benches: int) -> Workshop:
    """One for all articles of a worker process: programs run one a processor, so that their time limits hold."""
    return Workshop(benches)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


async def until(work: Awaitable[T], *ends: Awaitable[object]) -> T:
    """The result of ``work``. Where one of ``ends`` comes first, work is stopped, and Interrupted raised or what ended
    that one."""
    task = asyncio.ensure_future(work)
    watched = [asyncio.ensure_future(end) for end in ends]
    try:
        await asyncio.wait({task, *watched}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        for end in watched:
            if end.done():
                end.result()
        raise Interrupted("nobody waits for the article any more")
    finally:
        for other in (task, *watched):
            other.cancel()
        await asyncio.gather(task, *watched, return_exceptions=True)
