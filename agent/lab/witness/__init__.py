"""Witnesses: small programs that recompute a formula from its definitions."""

from __future__ import annotations

from agent.lab.witness.files import article_jobs, witness_files
from agent.lab.witness.record import VERDICTS, WitnessJob, WitnessVerdict
from agent.lab.witness.run import WITNESS_LIMITS, run_witness, run_witnesses

__all__ = [
    "VERDICTS",
    "WITNESS_LIMITS",
    "WitnessJob",
    "WitnessVerdict",
    "article_jobs",
    "run_witness",
    "run_witnesses",
    "witness_files",
]
