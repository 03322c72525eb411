"""What runs in a Dask worker: the task of an article, and its queues."""

from __future__ import annotations

import asyncio
import pickle
import signal
from contextlib import AsyncExitStack, suppress
from uuid import uuid4

from distributed import Client, Queue, Security, Worker, get_worker

from agent.batch.away import Link, until, write_linked
from agent.batch.wire import Parcel, Stop, Written, program
from agent.errors import ClusterError, ExpandError, Unavailable

LOOK = 2.0
"""Seconds between two looks whether the scheduler still wants an article from its worker."""
SAME = "install the same expand on every worker, with what it depends on"


def dask_setup(worker: object) -> None:
    """Called in each process of a local cluster: Ctrl-C reaches it too, and it is the driver's to act on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def other_program(worker: str, theirs: str, ours: str | None = None) -> ClusterError:
    return ClusterError(f"worker {worker} runs expand {theirs}, this is {ours or program()}", hint=SAME)


async def open_queue(client: Client, name: str) -> Queue:
    return await Queue(name, client=client)


def write_parcel(theirs: str, packed: bytes) -> bytes:
    """The task: write an article in this worker; gives a pickled `Written`, or the error that ended it."""
    worker = get_worker()
    if theirs != program():
        return pickle.dumps(other_program(worker.address, program(), theirs))
    try:
        return pickle.dumps(asyncio.run(_write(worker, str(worker.get_current_task()), pickle.loads(packed))))
    except ExpandError as error:
        return pickle.dumps(error)
    except OSError as error:
        hint = "its log says more; the article is tried once more"
        return pickle.dumps(Unavailable(f"worker {worker.address}: {error}", hint=hint))


async def _write(worker: Worker, key: str, parcel: Parcel) -> Written:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            Client(
                worker.scheduler.address,
                asynchronous=True,
                set_as_default=False,
                security=as_client(worker.security),
                name="expand-article",
            )
        )
        replies = await open_queue(client, f"{parcel.inbox}-{uuid4().hex}")
        link = Link(parcel, replies.name, (await open_queue(client, parcel.inbox)).put)
        listening = asyncio.ensure_future(link.listen(replies.get))
        delivering = asyncio.ensure_future(link.deliver())
        work = write_linked(
            parcel, link, worker=worker.address, neighbours=_neighbours(client, worker.address)
        )
        try:
            return await until(
                work, asyncio.shield(listening), asyncio.shield(delivering), unwanted(worker, key)
            )
        finally:
            link.close()
            with suppress(OSError):
                # A reader that is broken off would wait at the scheduler for ever.
                await replies.put(pickle.dumps(Stop()))
                await asyncio.gather(listening, delivering)
            replies.close()


def as_client(security: Security) -> Security:
    """What a worker identifies itself by, for a client inside it: one that was started with `--tls-cert` has nothing
    else."""
    return Security(
        require_encryption=security.require_encryption,
        tls_ca_file=security.tls_ca_file,
        tls_client_cert=security.tls_client_cert or security.tls_worker_cert,
        tls_client_key=security.tls_client_key or security.tls_worker_key,
    )


def _neighbours(client: Client, address: str) -> int:
    """Workers on the machine of one, itself among them."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    host = workers.get(address, {}).get("host")
    return max(1, sum(1 for w in workers.values() if w.get("host") == host))


async def unwanted(worker: Worker, key: str) -> None:
    """Until the scheduler wants an article no more: the driver has gone. A thread is not told of that."""
    tasks = worker.state.tasks
    while key in tasks and tasks[key].state != "cancelled":  # noqa: ASYNC110 (there is no event to await)
        await asyncio.sleep(LOOK)
