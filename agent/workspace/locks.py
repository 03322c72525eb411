"""Locks between processes. They belong to the operating system, so a killed process leaves none behind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import Locked
from agent.workspace.files import make_folder


@contextmanager
def hold(folder: Path, name: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock ``name`` of a workspace while the block runs.

    ``folder`` is where lock files live, ``wait`` how many seconds to wait for another holder. Raises Locked
    when it is still held then.
    """
    from filelock import FileLock, Timeout

    make_folder(folder)
    # Names of articles can be near 255 bytes; a digest cannot.
    digest = hashlib.sha256(name.encode("utf-8")).hexdigest()[:16]
    lock = FileLock(folder / f"{digest}.lock", timeout=wait)
    try:
        lock.acquire()
    except Timeout:
        raise Locked(
            f"{name} is being worked on by another expand process",
            hint="wait until it has finished, or stop it; a lock never outlives its process",
        ) from None
    try:
        yield
    finally:
        lock.release()
