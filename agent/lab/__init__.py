"""The laboratory: the only place that runs code nobody has read."""

from __future__ import annotations

from agent.lab.experiment import experiment_files, run_experiment
from agent.lab.results import EarnedWarning, ExperimentResult, Figure, Table, Value
from agent.lab.sandbox import (
    DEFAULT_LIMITS,
    NOT_RUN,
    Limits,
    Outcome,
    ProbeResult,
    Sandbox,
    open_sandbox,
    probe,
)
from agent.lab.scan import Step, claims, scan
from agent.lab.values import format_value
from agent.lab.witness import WitnessJob, WitnessVerdict, run_witness, run_witnesses, witness_files

__all__ = [
    "DEFAULT_LIMITS",
    "NOT_RUN",
    "EarnedWarning",
    "ExperimentResult",
    "Figure",
    "Limits",
    "Outcome",
    "ProbeResult",
    "Sandbox",
    "Step",
    "Table",
    "Value",
    "WitnessJob",
    "WitnessVerdict",
    "claims",
    "experiment_files",
    "format_value",
    "open_sandbox",
    "probe",
    "run_experiment",
    "run_witness",
    "run_witnesses",
    "scan",
    "witness_files",
]
