"""Starts a confined process, watches what no kernel limit covers, and ends everything it started."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from agent.lab.sandbox.model import KilledBy, Limits, Outcome

TICK = 0.05
FLOOD = 16
"""A run is stopped when it has written this many times the output that is kept."""


@dataclass(frozen=True, slots=True)
class Watched:
    stdout: bytes
    stderr: bytes
    exit: int
    seconds: float
    killed_by: KilledBy
    truncated: bool


class _Stream:
    """Keeps the first ``keep`` bytes and counts the rest."""

    __slots__ = ("data", "keep", "seen")

    def __init__(self, keep: int) -> None:
        self.data = bytearray()
        self.keep = keep
        self.seen = 0

    def feed(self, chunk: bytes) -> None:
        self.seen += len(chunk)
        room = self.keep - len(self.data)
        if room > 0:
            self.data += chunk[:room]


def watch(
    argv: Sequence[str],
    limits: Limits,
    *,
    disk_used: Callable[[], int],
    pass_fds: Sequence[int] = (),
    cwd: str | None = None,
    env: dict[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Watched:
    """Run ``argv`` to its end or to its first broken limit.

    The environment is empty unless given: inside a PID namespace the first process's own environment can be
    read through /proc/1/environ, so it must not hold the caller's.
    """
    start = clock()
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=tuple(pass_fds),
        cwd=cwd,
        env=env or {},
        start_new_session=True,
    )
    out, err = _Stream(limits.output), _Stream(limits.output)
    try:
        killed_by = _follow(process, out, err, limits, disk_used, start, clock)
    finally:
        end(process)
    seconds = clock() - start
    code = process.returncode
    if code < 0:
        code = 128 - code
    if not killed_by and code > 128:
        killed_by = "signal"
    cut = out.seen > len(out.data) or err.seen > len(err.data)
    return Watched(bytes(out.data), bytes(err.data), code, seconds, killed_by, cut)


def _follow(
    process: subprocess.Popen[bytes],
    out: _Stream,
    err: _Stream,
    limits: Limits,
    disk_used: Callable[[], int],
    start: float,
    clock: Callable[[], float],
) -> KilledBy:
    assert process.stdout is not None
    assert process.stderr is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, err)
        next_look = start + TICK
        while selector.get_map():
            ended = process.poll() is not None
            heard = _drain(selector, 0.0 if ended else TICK)
            if ended and not heard:
                # whoever still holds the pipe is not the program
                break
            now = clock()
            if now - start > limits.wall:
                return "time"
            if max(out.seen, err.seen) > FLOOD * limits.output:
                return "output"
            if now < next_look:
                continue
            if memory_of_tree(process.pid) > limits.memory:
                return "memory"
            if disk_used() > limits.disk:
                return "disk"
            # looking costs time in proportion to what is there: never spend more than a third on it
            next_look = clock() + max(TICK, 2 * (clock() - now))
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=max(0.0, limits.wall - (clock() - start)))
    return "" if process.returncode is not None else "time"


def _drain(selector: selectors.BaseSelector, patience: float) -> bool:
    """Read what is there; False where nothing came within ``patience`` seconds."""
    ready = selector.select(patience)
    for key, _ in ready:
        chunk = os.read(key.fd, 65536)
        if chunk:
            key.data.feed(chunk)
        else:
            selector.unregister(key.fileobj)
    return bool(ready)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all that descends from it, and wait.

    All are stopped before any is killed: a process that forks as fast as it is hunted cannot fork while stopped,
    and no orphan slips away to another parent.
    """
    held: set[int] = set()
    for _ in range(200):
        new = set(descendants(process.pid)) - held
        if not new:
            break
        for pid in new:
            _signal(pid, signal.SIGSTOP)
        held |= new
    for pid in held:
        _signal(pid, signal.SIGKILL)
    if process.poll() is None:
        _signal(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def descendants(pid: int) -> list[int]:
    """All processes below ``pid``; empty where /proc does not tell."""
    found: list[int] = []
    stack = [pid]
    while stack:
        current = stack.pop()
        with suppress(OSError, ValueError):
            for thread in os.listdir(f"/proc/{current}/task"):
                with open(f"/proc/{current}/task/{thread}/children", encoding="ascii") as stream:
                    children = [int(word) for word in stream.read().split()]
                found += children
                stack += children
    return found


def memory_of_tree(pid: int) -> int:
    """Resident bytes of ``pid`` and all below it, shared pages counted once a process."""
    pages = 0
    for each in (pid, *descendants(pid)):
        with (
            suppress(OSError, ValueError, IndexError),
            open(f"/proc/{each}/statm", encoding="ascii") as stream,
        ):
            pages += int(stream.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def outcome(watched: Watched, files: Mapping[str, bytes]) -> Outcome:
    return Outcome(
        stdout=watched.stdout.decode("utf-8", "replace"),
        stderr=watched.stderr.decode("utf-8", "replace"),
        exit=watched.exit,
        seconds=watched.seconds,
        killed_by=watched.killed_by,
        files=files,
        truncated=watched.truncated,
    )
