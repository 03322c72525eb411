"""Where generated code runs: confined, or not at all."""

from __future__ import annotations

from agent.lab.sandbox.bubblewrap import Bubblewrap
from agent.lab.sandbox.model import DEFAULT_LIMITS, Limits, Outcome, ProbeResult, Sandbox

__all__ = ["DEFAULT_LIMITS", "Limits", "Outcome", "ProbeResult", "Sandbox", "open_sandbox"]


def open_sandbox(unsafe: bool = False) -> Sandbox:
    """The strongest confinement this machine offers."""
    return Bubblewrap.open()
