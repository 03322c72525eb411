"""Where generated code runs: confined, or not at all."""

from __future__ import annotations

import warnings

from agent.errors import SandboxUnavailable
from agent.lab.sandbox.bubblewrap import Bubblewrap
from agent.lab.sandbox.landlock import Landlock
from agent.lab.sandbox.model import DEFAULT_LIMITS, NOT_RUN, Limits, Outcome, ProbeResult, Sandbox
from agent.lab.sandbox.probe import probe
from agent.lab.sandbox.unsafe import LOUD, Unsafe, UnsafeSandboxWarning

__all__ = [
    "DEFAULT_LIMITS",
    "NOT_RUN",
    "Limits",
    "Outcome",
    "ProbeResult",
    "Sandbox",
    "UnsafeSandboxWarning",
    "open_sandbox",
    "probe",
]


def open_sandbox(unsafe: bool = False) -> Sandbox:
    """The strongest confinement this machine offers: bubblewrap, else Landlock with seccomp.

    ``unsafe`` asks for none at all; that is never chosen silently. Raises SandboxUnavailable, with the reason of
    each, where neither works.
    """
    if unsafe:
        warnings.warn(LOUD, UnsafeSandboxWarning, stacklevel=2)
        return Unsafe()
    reasons = []
    for kind in (Bubblewrap, Landlock):
        try:
            return kind.open()
        except SandboxUnavailable as error:
            reasons.append(f"{error}" + (f" ({error.hint})" if error.hint else ""))
    raise SandboxUnavailable(
        "nothing here can confine generated code: " + "; ".join(reasons),
        hint="install bubblewrap; experiments and witnesses stay not run until then, or run at your own risk "
        "with --unsafe-no-sandbox",
    )
