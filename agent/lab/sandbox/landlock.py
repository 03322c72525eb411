"""Confinement by Landlock, seccomp and resource limits: the second choice, for want of namespaces.

It hides no processes and counts an ordinary user's processes together with the program's; what it does not stop
stands in docs/laboratory.md.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import SandboxUnavailable
from agent.lab.sandbox import scratch, supervise, system
from agent.lab.sandbox.bytecode import bytecode_folder
from agent.lab.sandbox.model import DEFAULT_LIMITS, Limits, Outcome

BOOT = "from inside.confine import entry; entry()"


@dataclass(frozen=True, slots=True)
class Landlock:
    as_root: bool

    @property
    def name(self) -> str:
        return "landlock"

    @property
    def confined(self) -> bool:
        return True

    @classmethod
    def open(cls) -> Landlock:
        """Try an empty run; raises SandboxUnavailable with the reason."""
        if not sys.platform.startswith("linux"):
            raise SandboxUnavailable("Landlock and seccomp exist on Linux only")
        try:
            import landlock
            import pyseccomp  # noqa: F401

            version = landlock.landlock_abi_version()
        except (ImportError, OSError, RuntimeError) as error:
            raise SandboxUnavailable(
                f"Landlock cannot be used: {error}", hint="install libseccomp2"
            ) from error
        if version < 1:
            raise SandboxUnavailable(
                "this kernel has no Landlock", hint="Linux 5.13 or later, with lsm=landlock"
            )
        box = cls(os.geteuid() == 0)
        tried = box.run(["/usr/bin/env", "true"], limits=Limits(wall=20.0))
        if not tried.ok:
            raise SandboxUnavailable(f"Landlock cannot confine a program here: {tried.stderr.strip()[:200]}")
        return box

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Outcome:
        # needs a Unix to import, and this module is imported everywhere
        from agent.lab.inside.confine import BROKEN

        given = dict(files or {})
        uid = system.fresh_uid() if self.as_root else None
        with scratch.scratch(given, uid) as place:
            # the folder above must let the program's uid pass to the ones it may write to
            place.root.chmod(0o711)
            order = json.dumps(self._order(argv, place, limits, uid))
            watched = supervise.watch(
                system.python_argv(BOOT, order),
                limits,
                disk_used=lambda: scratch.used(place),
                cwd="/",
                env={"PATH": "/usr/bin:/bin"},
            )
            if watched.exit == BROKEN and b"confinement failed" in watched.stderr:
                raise SandboxUnavailable(f"Landlock: {watched.stderr.decode(errors='replace').strip()[:300]}")
            left = scratch.collect(place.box, given)
        return supervise.outcome(watched, left)

    def _order(
        self, argv: Sequence[str], place: scratch.Scratch, limits: Limits, uid: int | None
    ) -> dict[str, Any]:
        compiled = bytecode_folder()
        folders = [*map(str, system.python_folders()), *([str(compiled)] if compiled else [])]
        return {
            "argv": [_program(argv[0]), *argv[1:]],
            "env": system.environment(str(place.tmp), str(place.tmp), compiled),
            "cwd": str(place.box),
            "readable": [*system.SYSTEM, *system.ETC, *folders],
            # Python looks for a package by listing the folder it lies in
            "listable": [str(system.INSIDE.parent)],
            "writable": [str(folder) for folder in place.writable],
            "limits": {
                "memory": limits.memory,
                "processes": limits.processes + (_threads_of(os.getuid()) if uid is None else 0),
                "file_size": limits.file_size,
                "cpu": int(limits.wall) + 5,
            },
            "uid": uid,
            "search": uid is not None and not all(_open_to_all(Path(folder)) for folder in folders),
        }


def _program(name: str) -> str:
    if "/" in name:
        return name
    for folder in ("/usr/bin", "/bin"):
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    return name


def _open_to_all(folder: Path) -> bool:
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def _threads_of(uid: int) -> int:
    """Threads the user already has: RLIMIT_NPROC counts them all."""
    total = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == uid:
                    total += len(os.listdir(f"/proc/{entry.name}/task"))
            except OSError:
                continue
    return total
