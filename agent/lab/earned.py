"""Warnings that experiments earn (placeholder until the rules below are filled in)."""

from __future__ import annotations

from collections.abc import Sequence

from agent.lab.results import EarnedWarning, ExperimentResult


def earned_warnings(code: str, result: ExperimentResult, notes: Sequence[str]) -> tuple[EarnedWarning, ...]:
    return ()
