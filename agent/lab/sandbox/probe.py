"""Each promise of the sandbox, tried: an escape that has to fail, beside honest code that has to run."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.errors import SandboxUnavailable
from agent.lab.sandbox.model import GIB, MIB, Limits, Outcome, ProbeResult, Sandbox
from agent.lab.sandbox.system import python_argv, python_folders

ESCAPED = "ESCAPED"
SMALL = Limits(wall=15.0, memory=1 * GIB, processes=16, file_size=4 * MIB, disk=32 * MIB, output=64 * 1024)


@dataclass(frozen=True, slots=True)
class Trial:
    name: str
    code: str
    limits: Limits = SMALL
    killed_by: str = ""
    """The limit that has to end it; "" where it has to end by itself without having escaped."""


HONEST = (
    Trial("computes", "import numpy as np\nassert abs(np.linalg.det(np.eye(3)) - 1) < 1e-12\nprint('fine')"),
    Trial("writes its own file", "open('a.txt', 'w').write('fine')\nprint(open('a.txt').read())"),
    Trial("starts a process", "import subprocess\nprint(subprocess.check_output(['echo', 'fine']).decode())"),
    Trial("uses 256 MiB", "b = bytearray(256 << 20)\nb[::4096] = b[::4096]\nprint('fine')"),
)


def escapes(port: int, parent: int, secret: str) -> tuple[Trial, ...]:
    """``port`` listens on this machine's loopback; ``secret`` stands in our environment."""
    return (
        Trial(
            "network",
            "import socket\ns = socket.socket()\ns.settimeout(2)\ns.connect(('1.1.1.1', 53))\nprint('ESCAPED')",
        ),
        Trial(
            "loopback",
            f"import socket\ns = socket.socket()\ns.settimeout(2)\ns.connect(('127.0.0.1', {port}))\nprint('ESCAPED')",
        ),
        Trial("password file", "print('ESCAPED', open('/etc/shadow').read()[:1] * 0)"),
        Trial("home folder", _home()),
        Trial(
            "environment of others",
            "import glob, os\n"
            "text = repr(os.environ).encode()\n"
            "for name in glob.glob('/proc/[0-9]*/environ'):\n"
            "    try: text += open(name, 'rb').read()\n"
            "    except OSError: pass\n"
            f"print('ESCAPED' if {secret!r}.encode() in text else 'not to be seen')",
        ),
        Trial(
            "writing outside",
            "import os\n"
            "for name in ('/usr/x', '/etc/x', '/x', '/var/tmp/x', '/root/x', '/home/x'):\n"
            "    try: open(name, 'w'); print('ESCAPED', name)\n"
            "    except OSError as error: print(type(error).__name__)",
        ),
        Trial(
            "killing others",
            f"import os, signal\nfor pid in (os.getppid(), {parent}):\n"
            "    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass\nprint('still here')",
        ),
        Trial(
            "fork bomb",
            "import os, time\nn = 0\nfor _ in range(200):\n"
            "    try:\n        if os.fork() == 0: time.sleep(30); os._exit(0)\n        n += 1\n"
            "    except OSError: break\n"
            "print('ESCAPED' if n > 100 else f'stopped after {n}', flush=True)\nos._exit(0)",
        ),
        Trial("memory", "b = bytearray(10 << 30)\nb[::4096] = b[::4096]\nprint('ESCAPED')"),
        Trial("endless loop", "while True: pass", Limits(wall=1.0), "time"),
        Trial("endless output", "while True: print('x' * 1000)", SMALL, "output"),
        Trial(
            "large file",
            "f = open('big', 'wb')\nfor _ in range(64): f.write(bytes(1 << 20))\nprint('ESCAPED')",
        ),
        Trial(
            "full disk",
            "import time\nfor n in range(40): open(f'f{n}', 'wb').write(bytes(2 << 20))\ntime.sleep(10)",
            SMALL,
            "disk",
        ),
    )


def _home() -> str:
    """Lists the home folder; the path to Python, where it leads through there, is no escape."""
    home = Path(os.path.expanduser("~"))
    ours = {f.relative_to(home).parts[0] for f in python_folders() if f.is_relative_to(home) and f != home}
    return f"import os\nextra = set(os.listdir({str(home)!r})) - {ours!r}\nprint('ESCAPED' if extra else 'nothing there')"


def probe(sandbox: Sandbox | None = None) -> list[ProbeResult]:
    """Try every promise of the sandbox; takes a few seconds. Honest code comes first."""
    if sandbox is None:
        from agent.lab.sandbox import open_sandbox

        try:
            sandbox = open_sandbox()
        except SandboxUnavailable as error:
            return [ProbeResult("sandbox", False, str(error))]
    found = [_honest(sandbox, trial) for trial in HONEST]
    if not sandbox.confined:
        # here the escapes would succeed, and one of them kills this very process
        return [*found, ProbeResult("confinement", False, "there is none: escapes were not tried")]
    secret = f"expand-probe-{os.urandom(8).hex()}"
    name = "EXPAND_PROBE_SECRET"
    os.environ[name] = secret
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            trials = escapes(server.getsockname()[1], os.getpid(), secret)
            found += [_escape(sandbox, trial) for trial in trials]
    finally:
        del os.environ[name]
    return found


def _run(sandbox: Sandbox, trial: Trial) -> Outcome:
    return sandbox.run(python_argv(trial.code), limits=trial.limits)


def _honest(sandbox: Sandbox, trial: Trial) -> ProbeResult:
    outcome = _run(sandbox, trial)
    ok = outcome.ok and "fine" in outcome.stdout
    return ProbeResult(trial.name, ok, "works" if ok else _last(outcome), control=True)


def _escape(sandbox: Sandbox, trial: Trial) -> ProbeResult:
    outcome = _run(sandbox, trial)
    held = ESCAPED not in outcome.stdout and (not trial.killed_by or outcome.killed_by == trial.killed_by)
    return ProbeResult(trial.name, held, _last(outcome))


def _last(outcome: Outcome) -> str:
    return next(_details(outcome), "ended by itself")


def _details(outcome: Outcome) -> Iterator[str]:
    if outcome.killed_by:
        yield f"stopped: {outcome.killed_by}"
    yield from reversed([line.strip()[:200] for line in outcome.stderr.splitlines() if line.strip()])
    yield from [line.strip()[:200] for line in outcome.stdout.splitlines()[:1] if line.strip()]
