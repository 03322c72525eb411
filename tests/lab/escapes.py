"""Escapes that the sandbox has to stop, as one table that root and an ordinary user both run.

Run as a program it prints one JSON object: ``python escapes.py KIND PORT PARENT SECRET OUTSIDE``. The tests start it
under another uid; nothing here may depend on pytest.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agent.lab.sandbox import Limits, Sandbox
from agent.lab.sandbox.bubblewrap import Bubblewrap
from agent.lab.sandbox.landlock import Landlock
from agent.lab.sandbox.model import GIB, MIB
from agent.lab.sandbox.system import python_argv

KINDS = {"bubblewrap": Bubblewrap, "landlock": Landlock}
TIGHT = Limits(wall=20.0, memory=1 * GIB, processes=24, file_size=4 * MIB, disk=24 * MIB, output=64 * 1024)
QUICK = Limits(wall=1.0, memory=1 * GIB, processes=24, file_size=4 * MIB, disk=24 * MIB, output=64 * 1024)


def long_sleep(secret: str) -> str:
    """Seconds that no other test run on this machine sleeps for."""
    return f"31.{int(secret, 16) % 10**9:09d}"


def programs(port: int, parent: int, secret: str, outside: str) -> dict[str, tuple[str, Limits]]:
    """Name → program that prints ESCAPED when it gets through, and its limits."""
    connect = "import socket\ns = socket.create_connection(({!r}, {}), timeout=2)\nprint('ESCAPED')"
    return {
        "network": (connect.format("1.1.1.1", 53), TIGHT),
        "udp": (
            "import socket\ns = socket.socket(2, 2)\ns.sendto(b'x', ('1.1.1.1', 53))\nprint('ESCAPED')",
            TIGHT,
        ),
        "loopback": (connect.format("127.0.0.1", port), TIGHT),
        "abstract socket": (
            f"import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0expand-test-{port}')\nprint('ESCAPED')",
            TIGHT,
        ),
        "vsock": ("import socket\ns = socket.socket(40, 1)\nprint('ESCAPED')", TIGHT),
        "shadow": ("print(open('/etc/shadow').read() and 'ESCAPED')", TIGHT),
        "file outside": (f"print(open({outside!r}).read() and 'ESCAPED')", TIGHT),
        "environment": (
            "import glob, os\ntext = repr(dict(os.environ)).encode()\n"
            "for name in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):\n"
            "    try: text += open(name, 'rb').read()\n    except OSError: pass\n"
            # spelled backwards: the program's own command line is no escape
            f"print('ESCAPED' if {secret[::-1]!r}[::-1].encode() in text else 'nothing')",
            TIGHT,
        ),
        "fork bomb": (
            "import os, time\nn = 0\nfor _ in range(300):\n    try:\n        pid = os.fork()\n"
            "    except OSError: break\n    if pid == 0: time.sleep(30); os._exit(0)\n    n += 1\n"
            "print('ESCAPED' if n > 200 else 'stopped')\nimport sys; sys.stdout.flush(); os._exit(0)",
            TIGHT,
        ),
        "ceaseless fork bomb": (
            "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
            QUICK,
        ),
        "ten gibibytes": ("b = bytearray(10 << 30)\nb[::4096] = b[::4096]\nprint('ESCAPED')", TIGHT),
        "memory in many processes": (
            "import os, time\nfor _ in range(8):\n    if os.fork() == 0: break\n"
            "b = bytearray(300 << 20)\nb[::4096] = bytes(len(b[::4096]))\ntime.sleep(15)\nprint('ESCAPED')",
            TIGHT,
        ),
        "endless loop": ("while True: pass", QUICK),
        "endless loop that ignores signals": (
            "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
            "while True: pass",
            QUICK,
        ),
        "endless output": ("while True: print('x' * 1000)", TIGHT),
        "large file": (
            "f = open('big', 'wb')\nfor _ in range(64): f.write(bytes(1 << 20))\nprint('ESCAPED')",
            TIGHT,
        ),
        "many files": (
            "import time\nfor n in range(60): open(f'f{n}', 'wb').write(bytes(1 << 20))\ntime.sleep(15)\nprint('ESCAPED')",
            TIGHT,
        ),
        "writing outside": (
            "import os\nfor folder in ('/', '/usr', '/etc', '/dev', '/proc', '/var/tmp', '/root', '/home', "
            f"{outside.rpartition('/')[0]!r}):\n"
            "    try: open(folder + '/expand-escape', 'w'); print('ESCAPED', folder)\n    except OSError: pass",
            TIGHT,
        ),
        "remounting": (
            "import ctypes\nc = ctypes.CDLL(None)\n"
            "print('ESCAPED' if c.mount(b'x', b'/usr', b'tmpfs', 0, None) == 0 or c.unshare(0x10000000) == 0 else 'no')",
            TIGHT,
        ),
        "becoming root": (
            "import os\nfor f in (os.setuid, os.setgid):\n    try: f(0); print('ESCAPED' if os.getuid() == 0 else '')\n"
            "    except OSError: pass",
            TIGHT,
        ),
        "killing the parent": (
            f"import os, signal\nfor pid in (os.getppid(), {parent}, -1):\n"
            "    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass\nprint('still here')",
            TIGHT,
        ),
        "links": (
            f"import os\nos.symlink({outside!r}, 'out.png'); os.symlink('/etc', 'etc'); os.symlink('/etc/shadow', 's.txt')\n"
            "os.mkfifo('pipe.txt'); open('mine.txt', 'w').write('mine')",
            TIGHT,
        ),
        "left behind": (
            f"import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        open('alive-{secret}', 'w')\n"
            f"        os.execv('/usr/bin/sleep', ['sleep', '{long_sleep(secret)}'])\n    os._exit(0)\n"
            f"while not os.path.exists('alive-{secret}'): time.sleep(0.01)\nprint('gone')",
            TIGHT,
        ),
    }


def attempt(box: Sandbox, code: str, limits: Limits) -> dict[str, Any]:
    outcome = box.run(python_argv(code), limits=limits)
    return {
        "stdout": outcome.stdout[:2000],
        "stderr": outcome.stderr[-500:],
        "exit": outcome.exit,
        "killed_by": outcome.killed_by,
        "size": len(outcome.stdout),
        "files": {k: v[:200].decode(errors="replace") for k, v in outcome.files.items()},
    }


def run(box: Sandbox, port: int, parent: int, secret: str, outside: str) -> dict[str, Any]:
    """What came of each program. Bombs go one by one: without namespaces they share the user's process count."""
    todo = programs(port, parent, secret, outside)
    honest = (
        "import numpy as np, subprocess\nprint(np.ones(3).sum(), subprocess.check_output(['echo', 'hi']))"
    )
    todo["honest"] = (honest, TIGHT)
    found = {name: attempt(box, *todo.pop(name)) for name in list(todo) if "bomb" in name}
    with ThreadPoolExecutor(4) as pool:
        found |= zip(todo, pool.map(lambda name: attempt(box, *todo[name]), todo), strict=True)
    return found


if __name__ == "__main__":
    kind, port, parent, secret, outside = sys.argv[1:]
    print(json.dumps(run(KINDS[kind].open(), int(port), int(parent), secret, outside)))
