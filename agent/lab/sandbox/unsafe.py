"""No confinement at all, for a person who asks for it by name. Limits of time, output and disk still hold."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.lab.sandbox import scratch, supervise, system
from agent.lab.sandbox.model import DEFAULT_LIMITS, Limits, Outcome

LOUD = "NO SANDBOX: generated code runs with all your rights; it can read, change and send away everything you can"


class UnsafeSandboxWarning(UserWarning):
    """Shown once a process, on stderr."""


@dataclass(frozen=True, slots=True)
class Unsafe:
    @property
    def name(self) -> str:
        return "none"

    @property
    def confined(self) -> bool:
        return False

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Outcome:
        given = dict(files or {})
        with scratch.scratch(given, None) as place:
            watched = supervise.watch(
                argv,
                limits,
                disk_used=lambda: scratch.used(place),
                cwd=str(place.box),
                env=system.environment(str(place.tmp), str(place.tmp)) | {"PATH": os.environ.get("PATH", "")},
            )
            left = scratch.collect(place.box, given)
        return supervise.outcome(watched, left)
