"""Runs a batch of witnesses inside one sandbox: numpy is loaded once, each witness gets a process of its own."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
from typing import Any

JOBS = "_jobs.json"
MAX_REPLY = 1 << 20


def entry() -> None:
    """Reads the jobs, writes one JSON line a job to stdout in the order they end."""
    with open(JOBS, encoding="utf-8") as stream:
        request = json.load(stream)
    import mpmath  # noqa: F401  # loaded before the forks, so that they share it

    from . import judge  # noqa: F401

    batch(request["jobs"], int(request["workers"]))
    sys.stdout.flush()


def batch(jobs: list[dict[str, Any]], workers: int) -> None:
    """Up to ``workers`` witnesses at once."""
    waiting = list(enumerate(jobs))
    running: dict[int, tuple[int, int, float, bytearray]] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            number, job = waiting.pop(0)
            fd, pid = start(job)
            running[fd] = (number, pid, time.monotonic() + float(job["seconds"]) + 2, bytearray())
        ready, _, _ = select.select(list(running), [], [], 0.2)
        for fd in list(running):
            number, pid, deadline, data = running[fd]
            chunk = os.read(fd, 65536) if fd in ready else b"-"
            if fd in ready and chunk and len(data) < MAX_REPLY:
                data += chunk
            elif fd in ready or time.monotonic() > deadline:
                late = fd not in ready
                finish(fd, pid, late=late)
                del running[fd]
                reply(number, data, late=late)


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


def start(job: dict[str, Any]) -> tuple[int, int]:
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
        cpu = int(float(job["seconds"])) + 3
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
        from .judge import run

        os.write(write_end, json.dumps(run(job)).encode())
    finally:
        os._exit(0)


def reply(number: int, data: bytearray, *, late: bool) -> None:
    try:
        record = json.loads(bytes(data))
    except ValueError:
        record = {"lost": "time limit reached" if late else "the witness ended its own process"}
    sys.stdout.write(json.dumps({"number": number, **record}, ensure_ascii=False) + "\n")
    sys.stdout.flush()
