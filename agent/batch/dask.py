"""`--engine dask`: articles are tasks of a Dask cluster.

Letters go through two kinds of `distributed.Queue`: one that all workers of a run write and the driver reads, and one
for each article under way, the other way round. Both pass through the scheduler, to which either side has connected
by itself, so that neither must be reachable; and a letter is gone from there once it is read, where Dask's event
topics would keep a hundred thousand of them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import pickle
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError as LostByDask
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from distributed import Client, Future, KilledWorker, LocalCluster, Queue, Security
from distributed.utils import silence_logging_cmgr

from agent.batch.engine import Engine, Opener, at_once
from agent.batch.home import Home, parcel_of
from agent.batch.wire import Answer, Letter, Stop, Written, program
from agent.batch.worker import SAME, open_queue, other_program, write_parcel
from agent.errors import ClusterError, ExpandError, Unavailable
from agent.pipeline.resources import Resources
from agent.pipeline.run import Draft, Order


def cluster(address: str | None) -> Opener:
    """An opener for the cluster whose scheduler has this address, or writes this scheduler file; for worker
    processes on this machine where it is None."""

    @asynccontextmanager
    async def opened(resources: Resources, articles: int) -> AsyncIterator[Engine]:
        async with AsyncExitStack() as stack:
            # Dask's reports would break into the table of articles; what matters of them is told in our words.
            stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
            if address is None:
                place: Any = await stack.enter_async_context(
                    local_cluster(articles, at_once(resources.traffic.limits.slots))
                )
            else:
                place = address
                resources.watch.line(f"connecting to the Dask scheduler at {address}")
            client = await stack.enter_async_context(connected(place))
            await same_program(client, resources.watch.line)
            engine = Dask(client, resources)
            await stack.enter_async_context(engine.reading())
            yield engine

    return opened


def local_cluster(articles: int, at_once: int) -> LocalCluster:
    """A process a processor. An article waits for its model most of the time, so that each has several threads.

    Its scheduler takes orders over TLS with a certificate of this run: else any user of this machine could give some.
    """
    processes = min(articles, os.cpu_count() or 1)
    return LocalCluster(
        n_workers=processes,
        threads_per_worker=math.ceil(min(articles, at_once) / processes),
        processes=True,
        asynchronous=True,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
        security=Security.temporary(),
        preload=["agent.batch.worker"],
    )


@asynccontextmanager
async def connected(place: str | LocalCluster) -> AsyncIterator[Client]:
    """A client. Raises ClusterError where no scheduler answers."""
    try:
        client = await Client(address_of(place), asynchronous=True, set_as_default=False, name="expand")
    except (OSError, ValueError, KeyError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {place}: {error}",
            hint="is it running, can this machine reach it, and does it speak TLS where the address says tls://?",
        ) from None
    try:
        yield client
    finally:
        await client.close()


def address_of(place: str | LocalCluster) -> str | LocalCluster:
    """The address itself, or the one in a scheduler file. Dask would wait for such a file without end."""
    if isinstance(place, str) and place.endswith(".json"):
        return str(json.loads(Path(place).read_bytes())["address"])
    return place


async def same_program(client: Client, line: Callable[[str], None]) -> None:
    """Raise ClusterError where a worker runs another version of this program. Those that come later are asked when
    they get an article."""
    try:
        found = await client.run(program, on_error="return")
    except Exception as error:
        raise ClusterError(f"the workers cannot be asked what they run: {error}", hint=SAME) from None
    if not found:
        line("the cluster has no worker yet; articles wait for the first")
    for worker, theirs in sorted(found.items()):
        if isinstance(theirs, ImportError):
            raise ClusterError(f"worker {worker} cannot load expand: {theirs}", hint=SAME)
        if isinstance(theirs, BaseException):
            raise ClusterError(f"worker {worker} failed: {theirs}", hint=SAME)
        if theirs != program():
            raise other_program(worker, theirs)


@dataclass(slots=True, eq=False)
class Article:
    """One that a worker has, or waits for one."""

    home: Home
    answering: set[asyncio.Task[None]] = field(default_factory=set)
    queues: dict[str, asyncio.Task[Queue]] = field(default_factory=dict)
    """Of the workers that have or had it."""


class Dask:
    """The driver."""

    def __init__(self, client: Client, resources: Resources) -> None:
        self._client = client
        self._resources = resources
        self._inbox = f"expand-{uuid4().hex}"
        self._reading: asyncio.Task[None] | None = None
        self._articles: dict[str, Article] = {}

    @property
    def waiting(self) -> bool:
        return any(not article.home.begun for article in self._articles.values())

    async def write(self, resources: Resources, order: Order) -> Draft:
        """Have an article written, by another worker where one dies.

        Raises what writing it raises, Unavailable where workers keep dying over it, ClusterError where the scheduler
        is gone or a worker cannot take part.
        """
        name = f"expand-{uuid4().hex}"
        parcel = await asyncio.to_thread(parcel_of, resources, order, home=name, inbox=self._inbox)
        packed = await asyncio.to_thread(pickle.dumps, parcel)
        home = Home(resources, order)
        article = self._articles[name] = Article(home)
        future = self._client.submit(write_parcel, program(), packed, key=name, pure=False)
        try:
            written = await self._result(home, future)
        except asyncio.CancelledError:
            for task in article.answering:
                task.cancel()
            raise
        finally:
            future.release()
            del self._articles[name]
            await self._end(article)
        return partial(home.store, written)

    async def _end(self, article: Article) -> None:
        """What was asked for is paid, and stored, whatever became of the worker that asked; and no worker goes on."""
        await asyncio.gather(*article.answering, return_exceptions=True)
        for queue in article.queues:
            await self._send(article, queue, Stop())
        for opened in article.queues.values():
            with suppress(OSError):
                (await opened).close()

    async def _result(self, home: Home, future: Future) -> Written:
        assert self._reading is not None
        result = asyncio.ensure_future(_value(future))
        try:
            await asyncio.wait({result, self._reading}, return_when=asyncio.FIRST_COMPLETED)
            if not result.done():
                raise gone(self._reading.exception())
            found = pickle.loads(result.result())
        except KilledWorker as error:
            last = getattr(error.last_worker, "address", error.last_worker)
            raise Unavailable(
                f"{home.slug}: {error.allowed_failures + 1} workers died over it, the last was {last}",
                hint="its log says why: often its memory, or the end of its time in a queue",
            ) from None
        except ImportError as error:
            raise ClusterError(f"a worker cannot load expand: {error}", hint=SAME) from None
        except LostByDask as error:
            raise gone(getattr(error, "reason", error)) from None
        finally:
            result.cancel()
        if isinstance(found, BaseException):
            raise found
        assert isinstance(found, Written)
        return found

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read the workers' letters while the block runs."""
        inbox = await open_queue(self._client, self._inbox)
        self._reading = asyncio.ensure_future(self._read(inbox))
        try:
            yield
        finally:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            inbox.close()

    async def _read(self, inbox: Queue) -> None:
        while True:
            for packed in [await inbox.get(), *await inbox.get(batch=True)]:
                for letter in pickle.loads(packed):
                    self._open(letter)

    def _open(self, letter: Letter) -> None:
        article = self._articles.get(letter.home)
        if article is None:
            return
        if letter.number == 0:
            article.home.heard(letter.content)
            return
        task = asyncio.ensure_future(self._answer(article, letter))
        article.answering.add(task)
        task.add_done_callback(article.answering.discard)

    async def _answer(self, article: Article, letter: Letter) -> None:
        try:
            answer = Answer(letter.number, await article.home.answer(letter.content))
        except ExpandError as error:
            answer = Answer(letter.number, error=error)
        except Exception as error:
            # A defect; what pickles badly would leave the worker waiting.
            answer = Answer(letter.number, error=RuntimeError(f"{type(error).__name__}: {error}"))
        await self._send(article, letter.replies, answer)

    async def _send(self, article: Article, queue: str, said: Answer | Stop) -> None:
        """Put something into a worker's queue. Where that fails the scheduler is gone, and the article ends by it."""
        if self._client.status != "running":
            return  # Dask would try for half a minute
        with suppress(OSError):
            if queue not in article.queues:
                article.queues[queue] = asyncio.ensure_future(open_queue(self._client, queue))
            opened = await asyncio.shield(article.queues[queue])
            await opened.put(pickle.dumps(said))


def gone(why: object) -> ClusterError:
    return ClusterError(
        f"the scheduler is gone ({why})",
        hint="run the same command again when it is back: what was answered is not asked again",
    )


async def _value(future: Future) -> bytes:
    value: bytes = await future
    return value
