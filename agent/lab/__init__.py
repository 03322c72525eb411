"""The laboratory: the only place that runs code nobody has read."""

from __future__ import annotations

from agent.lab.experiment import experiment_files, run_experiment
from agent.lab.results import EarnedWarning, ExperimentResult, Figure, Table, Value
from agent.lab.sandbox import DEFAULT_LIMITS, Limits, Outcome, ProbeResult, Sandbox, open_sandbox
from agent.lab.values import format_value

__all__ = [
    "DEFAULT_LIMITS",
    "EarnedWarning",
    "ExperimentResult",
    "Figure",
    "Limits",
    "Outcome",
    "ProbeResult",
    "Sandbox",
    "Table",
    "Value",
    "experiment_files",
    "format_value",
    "open_sandbox",
    "run_experiment",
]
