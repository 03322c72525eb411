"""Confinement by bubblewrap: own namespaces, read-only system, empty environment.

As root no user namespace is made: RLIMIT_NPROC does not bind uid 0, and inside a user namespace uid 0 would
stay what it is. Instead the program is handed to an unprivileged uid of its own, with no way back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.errors import SandboxUnavailable
from agent.lab.inside import seccomp
from agent.lab.sandbox import scratch, supervise, system
from agent.lab.sandbox.bytecode import bytecode_folder
from agent.lab.sandbox.model import DEFAULT_LIMITS, Limits, Outcome

BYTECODE = Path("/bytecode")
"""Where compiled libraries lie inside: not in a home folder, which is to be empty."""


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    bwrap: str
    prlimit: str
    setpriv: str
    as_root: bool
    extra: tuple[str, ...] = ()
    """Flags that only newer versions have."""

    @property
    def name(self) -> str:
        return "bubblewrap"

    @property
    def confined(self) -> bool:
        return True

    @classmethod
    def open(cls) -> Bubblewrap:
        """Find the programs and try an empty run; raises SandboxUnavailable with the reason."""
        found = {name: shutil.which(name) for name in ("bwrap", "prlimit", "setpriv")}
        missing = [name for name, path in found.items() if path is None]
        if missing:
            raise SandboxUnavailable(
                f"bubblewrap cannot be used: {', '.join(missing)} not found",
                hint="install bubblewrap and util-linux (apt install bubblewrap util-linux)",
            )
        bwrap, prlimit, setpriv = (str(found[name]) for name in ("bwrap", "prlimit", "setpriv"))
        as_root = os.geteuid() == 0
        usage = subprocess.run([bwrap, "--help"], capture_output=True, text=True, check=False).stdout
        extra = ("--disable-userns",) if "--disable-userns" in usage and not as_root else ()
        box = cls(bwrap, prlimit, setpriv, as_root, extra)
        tried = box.run(["true"], limits=Limits(wall=20.0))
        if not tried.ok:
            raise SandboxUnavailable(
                f"bubblewrap cannot confine a program here: {tried.stderr.strip()[:200] or tried.killed_by}",
                hint="the kernel must allow user namespaces (sysctl user.max_user_namespaces, "
                "kernel.unprivileged_userns_clone)",
            )
        return box

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Outcome:
        outcome = self._once(argv, files, limits)
        if _not_started(outcome):
            # What was there when its options were made is gone by now, such as the folder of compiled libraries.
            outcome = self._once(argv, files, limits)
        if _not_started(outcome):
            raise SandboxUnavailable(
                f"bubblewrap could not start: {outcome.stderr.strip()[:200]}", hint="expand doctor says more"
            )
        return outcome

    def _once(self, argv: Sequence[str], files: Mapping[str, bytes] | None, limits: Limits) -> Outcome:
        given = dict(files or {})
        uid = system.fresh_uid()
        filter_fd = seccomp.program(sockets=True)
        try:
            with scratch.scratch(given, uid if self.as_root else None) as place:
                command = self._command(argv, place, limits, uid, filter_fd)
                watched = supervise.watch(
                    command,
                    limits,
                    disk_used=lambda: scratch.used(place),
                    pass_fds=() if filter_fd is None else (filter_fd,),
                )
                left = scratch.collect(place.box, given)
        finally:
            if filter_fd is not None:
                os.close(filter_fd)
        return supervise.outcome(watched, left)

    def _command(
        self, argv: Sequence[str], place: scratch.Scratch, limits: Limits, uid: int, filter_fd: int | None
    ) -> list[str]:
        command = [self.bwrap, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        command += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "lab"]
        if self.as_root:
            command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            command += ["--unshare-user", "--uid", "65534", "--gid", "65534", *self.extra]
        compiled = bytecode_folder()
        command += _mounts(place, compiled)
        command.append("--clearenv")
        for key, value in system.environment("/tmp", "/tmp", BYTECODE if compiled else None).items():
            command += ["--setenv", key, value]
        if filter_fd is not None:
            command += ["--seccomp", str(filter_fd)]
        command += ["--", *self._limits(limits)]
        command += [self.setpriv, "--no-new-privs"]
        if self.as_root:
            command += [
                f"--reuid={uid}",
                f"--regid={uid}",
                "--clear-groups",
                "--inh-caps=-all",
                "--ambient-caps=-all",
            ]
        return [*command, *argv]

    def _limits(self, limits: Limits) -> list[str]:
        # set inside: outside, RLIMIT_NPROC would count the user's whole desktop
        seconds = int(limits.wall) + 5
        return [
            self.prlimit,
            f"--as={limits.memory}",
            f"--nproc={limits.processes}",
            f"--fsize={limits.file_size}",
            f"--cpu={seconds}",
            "--core=0",
            "--nofile=1024",
            "--memlock=0",
            "--msgqueue=0",
        ]


def _not_started(outcome: Outcome) -> bool:
    """Whether bubblewrap itself gave up. A program can say the same of itself; it gains a second run by that."""
    said = outcome.stderr.startswith("bwrap: ") and not outcome.stdout and not outcome.files
    return said and outcome.exit == 1 and not outcome.killed_by


def _mounts(place: scratch.Scratch, compiled: Path | None) -> list[str]:
    command: list[str] = []
    for name in system.SYSTEM:
        if os.path.islink(name):
            command += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            command += ["--ro-bind", name, name]
    command += ["--dir", "/etc"]
    for path in system.ETC:
        command += ["--ro-bind-try", path, path]
    if compiled is not None:
        command += ["--ro-bind", str(compiled), str(BYTECODE)]
    inner = zip((place.box, place.tmp, place.shm), ("/box", "/tmp", "/dev/shm"), strict=True)
    command += ["--proc", "/proc", "--dev", "/dev"]
    for source, target in inner:
        command += ["--bind", str(source), target]
    # after /tmp: a checkout or an environment below /tmp would be covered by the private one
    for folder in system.python_folders():
        # parents that bubblewrap makes by itself are closed to the uid the program gets
        for parent in reversed(folder.parents[:-1]):
            command += ["--dir", str(parent)]
        command += ["--ro-bind", str(folder), str(folder)]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/box"]
