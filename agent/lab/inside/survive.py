"""The mutation pass: does the check notice when the claim is wrong?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .grade import Evidence
from .link import close
from .mutate import Mutant, mutants
from .raised import Refuted
from .trial import OutOfTime, Program, Spy, Trial, alarm, kept

LIVE_RTOL = 1e-9
"""A mutant that changes the claim's values by less than this, relatively, is no mutant."""


def mutation(
    program: Program, seeds: Sequence[int], spy: Spy, evidence: Evidence, cost: float, left: float
) -> None:
    """Run the check against every mutant, in an order that hangs on nothing, until time is up."""
    deadline = time.monotonic() + left * 0.8
    each = max(1.0, 8 * cost)
    todo = list(mutants(program.claim))
    np.random.default_rng(seeds[0]).shuffle(todo)
    original = program.scope()["claim"]
    for mutant in todo:
        if time.monotonic() > deadline:
            evidence.untried += 1
            continue
        try:
            with alarm(min(each, max(0.05, deadline - time.monotonic() + 0.05))):
                _try(program, seeds, spy, mutant, original, evidence)
        except OutOfTime:
            evidence.invalid += 1
    if time.monotonic() < deadline:
        _again(program, seeds, evidence, each)


def _again(program: Program, seeds: Sequence[int], evidence: Evidence, seconds: float) -> None:
    """The claim itself once more, last: a check that fails whatever comes second kills mutants without looking."""
    try:
        with alarm(seconds):
            program.run(seeds)
    except OutOfTime:
        return
    except Exception as error:
        evidence.problem = f"the check says otherwise when it is run again: {str(error)[:120]}"


def _try(
    program: Program,
    seeds: Sequence[int],
    spy: Spy,
    mutant: Mutant,
    original: Callable[..., Any],
    evidence: Evidence,
) -> None:
    try:
        changed = program.scope(mutant.function)["claim"]
        same = all(
            close(changed(*kept(args), **kwargs), value, LIVE_RTOL) for args, kwargs, value in spy.calls
        )
        if same:
            if _differs_elsewhere(changed, original, spy):
                evidence.degenerate.append(mutant)
            else:
                evidence.equivalent += 1
            return
        trial = program.run(seeds, mutant=mutant.function)
    except Refuted:
        evidence.killed.append(mutant)
    except Exception:
        # the mutant itself cannot be computed (a shape, a domain): it says nothing about the check
        evidence.invalid += 1
    else:
        (evidence.implied if _implied(trial, evidence) else evidence.alive).append(mutant)


def _implied(trial: Trial, evidence: Evidence) -> bool:
    """Whether the mutant leaves a proved inequality more room at every sample: then the theorem itself says so."""
    assert evidence.trial is not None
    room, before = trial.room, evidence.trial.room
    return (
        evidence.proof.found == "proved"
        and len(room) == len(before)
        and all(a >= b for a, b in zip(room, before, strict=True))
    )


def _differs_elsewhere(changed: Callable[..., Any], original: Callable[..., Any], spy: Spy) -> bool:
    rng = np.random.default_rng(7)
    for args, kwargs, _ in spy.calls[:6]:
        moved = [_jiggle(value, rng) for value in args]
        try:
            if not close(changed(*kept(moved), **kwargs), original(*kept(moved), **kwargs), LIVE_RTOL):
                return True
        except Exception:
            continue
    return False


def _jiggle(value: Any, rng: np.random.Generator) -> Any:
    """A generic value near ``value``, to see whether a mutant differs where the check did not look."""
    if isinstance(value, bool | np.bool_) or callable(value) or isinstance(value, int | np.integer):
        return value
    if isinstance(value, float | np.floating):
        return (-1.0 if value < 0 else 1.0) * float(rng.uniform(0.5, 1.5)) * max(abs(float(value)), 0.5)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value + 0.3 * max(float(np.abs(value).max(initial=0)), 0.5) * rng.normal(size=value.shape)
    return value
