"""A program that dies at every step of an action, each time in a fork of its own.

    python dying.py FOLDER ACTION FILE…

The steps are the lines of the named modules, as the interpreter comes to them. For each step one line is written on
stdout: its number and how the process ended; the folder of a step is FOLDER/<step>, made from FOLDER/start.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

EVERY = {"write": 1, "append": 1, "merge": 11, "undo": 7}
"""Each so-many-th step of an action is tried: the long ones have hundreds."""


def write(folder: Path) -> None:
    from agent.workspace import write_bytes

    write_bytes(folder / "sub" / "a.md", b"new" * 1000)


def append(folder: Path) -> None:
    from agent.workspace import EventLog

    EventLog(folder / "progress.jsonl").append("picked", "slug", sha256="new")


def merge(folder: Path) -> None:
    from agent.merge import merge as merge_article
    from agent.workspace import find

    merge_article(find(folder), "a")


def undo(folder: Path) -> None:
    from agent.merge import undo as undo_article
    from agent.workspace import find

    undo_article(find(folder), "a")


ACTIONS: dict[str, Callable[[Path], None]] = {"write": write, "append": append, "merge": merge, "undo": undo}


def die_at(step: int, modules: tuple[str, ...], action: Callable[[], None]) -> None:
    left = step

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith(modules):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    action()


def main(root: Path, name: str, modules: tuple[str, ...]) -> None:
    ACTIONS[name](
        shutil.copytree(root / "start", root / "whole")
    )  # imports everything, and shows that it works
    for step in range(1, 100_000, EVERY[name]):
        folder = shutil.copytree(root / "start", root / str(step))
        pid = os.fork()
        if pid == 0:
            die_at(step, modules, partial(ACTIONS[name], folder))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        print(step, code, flush=True)
        if code != -signal.SIGKILL:
            break


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], tuple(sys.argv[3:]))
