"""What a sandbox takes and gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

KilledBy = Literal["", "time", "memory", "disk", "output", "signal"]

NOT_RUN = "未运行：这台机器上没有可用的沙箱"
"""Why nothing ran, for articles and reports."""
MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. Going over any of them ends the run; none is ever raised from inside."""

    wall: float = 60.0
    """Seconds of wall-clock time."""
    memory: int = 4 * GIB
    """Bytes: address space of each process, and resident memory of all processes together."""
    processes: int = 64
    """Processes and threads together."""
    file_size: int = 256 * MIB
    """Bytes a single file may reach."""
    disk: int = 1 * GIB
    """Bytes of all files the run has written, together."""
    output: int = 1 * MIB
    """Bytes kept of stdout and of stderr; a run that writes far more than this is stopped."""


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind. A run that was stopped is an outcome too, never an exception."""

    stdout: str
    stderr: str
    exit: int
    """Exit code; 128 + n for a process ended by signal n."""
    seconds: float
    killed_by: KilledBy = ""
    """The limit that ended the run, "signal" for a crash, or "" for a run that ended by itself."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Regular files the run left in its folder, by relative path; links and devices are never followed."""
    truncated: bool = False
    """True where stdout or stderr went beyond ``Limits.output`` and the rest was thrown away."""

    @property
    def ok(self) -> bool:
        return self.exit == 0 and not self.killed_by


class Sandbox(Protocol):
    """Runs a program that nobody has read."""

    @property
    def name(self) -> str:
        """Short name for reports, such as ``bubblewrap``."""

    @property
    def confined(self) -> bool:
        """False only for the explicit unsafe runner."""

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Outcome:
        """Run ``argv`` in a fresh folder that holds ``files``, and wait for its end.

        Raises SandboxUnavailable where the confinement itself cannot be set up.
        """


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One limit, tried: an escape that must fail, or honest code that must work."""

    name: str
    ok: bool
    detail: str
    control: bool = False
    """True for a positive control: honest code that has to run."""
