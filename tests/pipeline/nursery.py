"""Processes of `expand` without the second that importing takes: everything is imported once, then forked.

A program, not a module: its arguments name further modules to import. It reads one JSON object a line on stdin and
answers with one a line. ``start`` gives a process ID at once, ``wait`` gives the exit code when that process has
ended. A started process is an ordinary one: it has its own files and environment, and may be killed at any point.
Nothing runs beside the loop here, so that forking is safe.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import traceback
from typing import Any

PRELOADED = (
    "agent.cli",
    "agent.commands.expansion",
    "agent.commands.reviewing",
    "agent.llm.openai",
    "agent.report.live",
    "agent.report.progress",
    "agent.report.screens",
    "anyio._backends._asyncio",
    "filelock",
    "jinja2",
    "jsonschema",
    "openai.resources.chat.completions",
    "py_mini_racer",
    "rich.table",
    "tenacity.asyncio",
)
"""What a run imports sooner or later."""


def preload() -> None:
    for name in (*PRELOADED, *sys.argv[1:]):
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork would lose the other threads"


def child(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    err = os.open(order["err"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for source, target in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
    sys.argv = [order["module"], *order["argv"]]
    code = 1
    try:
        importlib.import_module(order["module"]).main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def loop() -> None:
    preload()
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "start":
            pid = os.fork()
            if pid == 0:
                child(order)
            answer = {"pid": pid}
        else:
            _, status = os.waitpid(order["pid"], 0)
            answer = {"code": os.waitstatus_to_exitcode(status)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    loop()
