"""One witness: trials, mutation, link, verdict. Runs inside the sandbox, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .grade import PROVED, Evidence, judge
from .helper import brief
from .link import Link, Point, link, sized
from .prover import SECONDS, Reading, settle
from .raised import Bad, Refuted, Rounding
from .routes import repeats_claim, routes
from .survive import mutation
from .trial import OutOfTime, Program, Spy, alarm, seeds_of
from .vet import vet_expression


def run(job: Mapping[str, Any]) -> dict[str, Any]:
    """The record of one job ``{code, eq, tex, salt, seconds}``, ready for JSON."""
    start = time.monotonic()
    source = str(job["code"])
    evidence = Evidence()
    names: dict[str, Any] = {}
    try:
        with alarm(float(job["seconds"])), np.errstate(all="ignore"):
            _gather(source, job, evidence, names, start)
    except OutOfTime:
        evidence.problem = evidence.problem or "time limit reached"
    verdict = judge(evidence)
    eq = str(job.get("eq") or names.get("EQ") or "")
    return {
        "eq": eq,
        "verdict": verdict.verdict,
        "grade": verdict.grade,
        "route": ", ".join(evidence.routes + (("Z3",) if verdict.grade == PROVED else ())) or "algebra only",
        "killed": len(evidence.killed),
        "live": len(evidence.killed) + len(evidence.alive),
        "linked": evidence.link.how,
        "seconds": round(time.monotonic() - start, 4),
        "reason": verdict.reason,
        "expect": names.get("EXPECT") if isinstance(names.get("EXPECT"), str) else None,
        "survivors": [mutant.what for mutant in evidence.alive],
    }


def _gather(
    source: str, job: Mapping[str, Any], evidence: Evidence, names: dict[str, Any], start: float
) -> None:
    spy = Spy(lambda: None)
    try:
        program = Program.read(source)
        names.update({k: v for k, v in program.scope().items() if k in ("EQ", "TEX", "BIND", "EXPECT")})
        evidence.routes = routes(program.check)
        seeds = seeds_of(source, int(job.get("salt", 0)))
        begun = time.monotonic()
        try:
            evidence.trial = program.run(seeds, spy=spy)
        except Rounding as error:
            evidence.problem = str(error)
        except Refuted as error:
            evidence.counterexample = str(error) + _last_call(spy)
        cost = time.monotonic() - begun
        evidence.link = _link(job, names, program, spy)
        evidence.vectors = _dimension(spy)
        if evidence.trial is None:
            return
        evidence.calls = spy.count
        evidence.inputs = _different(spy)
        evidence.arguments = len(program.claim.args.args)
        evidence.repeats = repeats_claim(program.claim, program.check)
        evidence.sized = sized(str(job.get("tex") or names.get("TEX") or ""))
        end = start + float(job["seconds"])
        _prove(evidence, evidence.trial.readings, (end - time.monotonic()) / 2)
        if spy.count and not (evidence.counterexample or evidence.problem):
            mutation(program, seeds, spy, evidence, cost, end - time.monotonic())
    except Bad as error:
        evidence.problem = str(error)
    except RecursionError:
        evidence.problem = "nested too deeply"
    except Exception as error:
        evidence.problem = f"{type(error).__name__}: {str(error)[:200]}"


def _prove(evidence: Evidence, readings: Sequence[Reading], left: float) -> None:
    evidence.proof = settle(readings, min(SECONDS, left))
    if evidence.proof.found == "refuted":
        evidence.counterexample = evidence.proof.note
    elif evidence.proof.found == "suspect":
        evidence.problem = evidence.proof.note


def _last_call(spy: Spy) -> str:
    if not spy.calls:
        return ""
    args, kwargs, _ = spy.calls[-1]
    shown = [_short(value) for value in args] + [f"{k}={_short(v)}" for k, v in kwargs.items()]
    return f"; last claim({', '.join(shown)})"


def _short(value: Any) -> str:
    if callable(value):
        return "function"
    try:
        return brief(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        return str(value)[:40]


def _link(job: Mapping[str, Any], names: Mapping[str, Any], program: Program, spy: Spy) -> Link:
    parameters = [argument.arg for argument in program.claim.args.args]
    points = [
        Point(
            {k: _real(v) for k, v in (dict(zip(parameters, args, strict=False)) | kwargs).items()},
            _real(value),
        )
        for args, kwargs, value in spy.calls
    ]
    fragments = names.get("BIND")
    written = names.get("TEX")
    pairs = {str(k): str(v) for k, v in fragments.items()} if isinstance(fragments, dict) else None
    try:
        for expression in (pairs or {}).values():
            vet_expression(expression)
        return link(job.get("tex"), written if isinstance(written, str) else None, pairs, points)
    except Bad as error:
        return Link("none", str(error))


def _real(value: Any) -> Any:
    # a complex step passes through the claim with an imaginary part of 1e-20; formulas are compared on the real line
    return np.real(value) if not callable(value) and np.iscomplexobj(value) else value


def _dimension(spy: Spy) -> int:
    sizes = [
        max(np.shape(v)) for args, _, value in spy.calls for v in (*args, value) if _array(v) and np.ndim(v)
    ]
    return max(sizes, default=0)


def _array(value: Any) -> bool:
    return isinstance(value, np.ndarray | list | tuple)


def _different(spy: Spy) -> int:
    return len({repr([_rounded(value) for value in args] + sorted(kwargs)) for args, kwargs, _ in spy.calls})


def _rounded(value: Any) -> Any:
    if callable(value):
        return "f"
    try:
        return np.round(np.asarray(value, dtype=float), 9).tolist()
    except (TypeError, ValueError):
        return str(value)
