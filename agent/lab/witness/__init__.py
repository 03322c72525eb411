"""Witnesses: small programs that recompute a formula from its definitions."""

from __future__ import annotations

from agent.lab.witness.record import VERDICTS, WitnessJob, WitnessVerdict
from agent.lab.witness.run import WITNESS_LIMITS, run_witness, run_witnesses

__all__ = ["VERDICTS", "WITNESS_LIMITS", "WitnessJob", "WitnessVerdict", "run_witness", "run_witnesses"]
