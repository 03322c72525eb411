"""Confinement by Landlock, seccomp and resource limits, where namespaces cannot be had.

The process started here stays outside and waits; its child gives up its rights step by step and becomes the
program. Without a PID namespace nothing ends orphans by itself, so the waiting process adopts them (as a child
subreaper) and ends them.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

PR_SET_KEEPCAPS = 8
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION = 0x20080522
BROKEN = 120
"""Exit code that says the confinement itself failed; the reason is on stderr."""
POLL = 0.02


def entry() -> None:
    """``sys.argv[1]`` holds the order as JSON: argv, env, cwd, readable, listable, writable, limits, uid, search."""
    order = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    parent = os.getppid()
    child = os.fork()
    if child == 0:
        become(order, libc)
    sys.exit(wait(child, parent))


def become(order: Mapping[str, Any], libc: ctypes.CDLL) -> None:
    """Give up all rights, then turn into the program. Never returns."""
    try:
        os.setsid()
        # imported before Landlock closes the files it loads libseccomp from
        import pyseccomp  # noqa: F401

        from .seccomp import build

        limit(order["limits"])
        close_files(order["readable"], order["listable"], order["writable"])
        if order["uid"] is not None:
            drop_root(int(order["uid"]), bool(order["search"]), libc)
        check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        os.chdir(order["cwd"])
        build(sockets=False, alone=True).load()
        os.execve(order["argv"][0], order["argv"], order["env"])
    except BaseException as error:
        os.write(2, f"confinement failed: {type(error).__name__}: {error}\n".encode())
    os._exit(BROKEN)


def limit(limits: Mapping[str, int]) -> None:
    for name, value in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_FSIZE, limits["file_size"]),
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        resource.setrlimit(name, (value, value))


def close_files(readable: list[str], listable: list[str], writable: list[str]) -> None:
    """No file but these from here on, whatever the permissions on disk say."""
    from landlock import FSAccess, Ruleset

    rules = Ruleset()
    read = FSAccess.READ_FILE | FSAccess.READ_DIR | FSAccess.EXECUTE
    for path in readable:
        if os.path.isdir(path):
            rules.allow(path, rules=read)
        elif os.path.exists(path):
            rules.allow(path, rules=FSAccess.READ_FILE | FSAccess.EXECUTE)
    for path in ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"):
        if os.path.exists(path):
            rules.allow(path, rules=FSAccess.READ_FILE | FSAccess.WRITE_FILE)
    for path in listable:
        rules.allow(path, rules=FSAccess.READ_DIR)
    for path in writable:
        rules.allow(path)
    rules.apply()


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def drop_root(uid: int, search: bool, libc: ctypes.CDLL) -> None:
    """Become ``uid``. With ``search``, keep the right to enter folders, within what Landlock leaves open.

    It is needed where Python itself lies in a folder of root's own.
    """
    if search:
        check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kept = 1 << CAP_DAC_READ_SEARCH if search else 0
    header = _Header(CAPABILITY_VERSION, 0)
    data = (_Data * 2)(_Data(kept, kept, kept), _Data(0, 0, 0))
    check(libc.capset(ctypes.byref(header), ctypes.byref(data)))
    if search:
        check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0))


def check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def wait(child: int, parent: int) -> int:
    """The program's exit code; by then nothing it started is alive. Its end comes too when ours is orphaned."""
    status: int | None = None
    while status is None:
        if os.getppid() != parent:
            break
        pid, found = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            status = found
        elif pid == 0:
            time.sleep(POLL)
    sweep()
    if status is None:
        return BROKEN
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def sweep() -> None:
    """End every descendant."""
    while True:
        for pid in descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(POLL / 10)


def descendants() -> list[int]:
    found: list[int] = []
    stack = [os.getpid()]
    while stack:
        with suppress(OSError, ValueError):
            current = stack.pop()
            with open(f"/proc/{current}/task/{current}/children", encoding="ascii") as stream:
                children = [int(word) for word in stream.read().split()]
            found += children
            stack += children
    return found
