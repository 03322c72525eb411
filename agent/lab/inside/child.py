"""A process of its own for work that may not come back, with its answer through a pipe."""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections.abc import Callable


def start(work: Callable[[], bytes], cpu: int) -> tuple[int, int]:
    """The reading end of the pipe and the process id; ``cpu`` seconds of processor time are its limit."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_end)
        return read_end, pid
    os.close(read_end)
    try:
        # what a witness prints is not a verdict
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
        os.write(write_end, work())
    finally:
        os._exit(0)


def finish(fd: int, pid: int, *, late: bool) -> None:
    os.close(fd)
    if late:
        # the alarm inside cannot interrupt a long computation in C
        try:
            os.kill(pid, signal.SIGKILL)
        except PermissionError:
            # without a PID namespace we may signal nobody; the limit on CPU time ends it
            return
    os.waitpid(pid, 0)


def answer(work: Callable[[], bytes], seconds: float) -> bytes | None:
    """What ``work`` gives, or None where it did not within ``seconds``."""
    fd, pid = start(work, int(seconds) + 1)
    deadline = time.monotonic() + seconds
    data = bytearray()
    late = True
    try:
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([fd], [], [], left)[0]:
                break
            chunk = os.read(fd, 65536)
            if not chunk:
                late = False
                break
            data += chunk
    finally:
        finish(fd, pid, late=late)
    return None if late else bytes(data)
