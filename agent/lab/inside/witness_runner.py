"""Runs a batch of witnesses inside one sandbox: numpy is loaded once, each witness gets a process of its own."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from contextlib import suppress
from typing import Any

from . import child

JOBS = "_jobs.json"
MAX_REPLY = 1 << 20


def entry() -> None:
    """Reads the jobs, writes one JSON line a job to stdout in the order they end."""
    with open(JOBS, encoding="utf-8") as stream:
        request = json.load(stream)
    # loaded before the forks, so that they share it; Z3 only where something may need it
    import mpmath  # noqa: F401

    from . import judge  # noqa: F401

    if any(".prove(" in job["code"] for job in request["jobs"]):
        with suppress(ImportError):
            import z3  # noqa: F401

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
                child.finish(fd, pid, late=late)
                del running[fd]
                reply(number, data, late=late)


def start(job: dict[str, Any]) -> tuple[int, int]:
    def work() -> bytes:
        from .judge import run

        return json.dumps(run(job)).encode()

    return child.start(work, int(float(job["seconds"])) + 3)


def reply(number: int, data: bytearray, *, late: bool) -> None:
    try:
        record = json.loads(bytes(data))
    except ValueError:
        record = {"lost": "time limit reached" if late else "the witness ended its own process"}
    sys.stdout.write(json.dumps({"number": number, **record}, ensure_ascii=False) + "\n")
    sys.stdout.flush()
