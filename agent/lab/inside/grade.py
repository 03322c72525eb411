"""From what was observed to a verdict. Everything a verdict hangs on stands on this page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .link import Link
from .mutate import Mutant
from .prover import Proof
from .trial import TRIALS, Trial

VerdictName = Literal["verified", "consistent", "holds-on-samples", "refuted", "unchecked"]
KILLED = 0.9
"""Share of live mutants a check has to kill."""
LEAST = 3
"""Fewer live mutants than this say nothing."""
DEGENERATE = 0.34
"""Share of mutants that differ from the claim, but not on the inputs used."""
PROVED = "proved"
"""The grade of an inequality that Z3 proved for all real arguments."""


@dataclass(slots=True)
class Evidence:
    """Filled in as a witness runs; what stays empty was not reached."""

    problem: str = ""
    """Why the witness cannot decide."""
    counterexample: str = ""
    trial: Trial | None = None
    calls: int = 0
    inputs: int = 0
    """Different inputs that the claim saw."""
    arguments: int = 0
    vectors: int = 0
    """Largest dimension among the claim's arguments and values."""
    repeats: bool = False
    sized: bool = False
    """The display has vectors, sums or dots in it."""
    proof: Proof = field(default_factory=Proof)
    routes: tuple[str, ...] = ()
    link: Link = field(default_factory=lambda: Link("none", "not reached"))
    killed: list[Mutant] = field(default_factory=list)
    alive: list[Mutant] = field(default_factory=list)
    implied: list[Mutant] = field(default_factory=list)
    """Alive because a proved inequality says so itself: they leave it more room."""
    degenerate: list[Mutant] = field(default_factory=list)
    equivalent: int = 0
    invalid: int = 0
    untried: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    verdict: VerdictName
    grade: str
    """exact, order, limit, statistical, proved; inequality, loose-inequality; algebra-only, one-dimensional, dimensions,
    unlinked, text-link; vacuous, weak, mislinked, invalid."""
    reason: str


def judge(e: Evidence) -> Judged:
    """The verdict. The first rule that applies decides."""
    if e.counterexample:
        if e.link.how == "mismatch":
            return Judged(
                "unchecked", "mislinked", f"{e.link.detail}; by itself it is refuted: {e.counterexample}"
            )
        return Judged("refuted", _sort(e), e.counterexample)
    if e.problem or e.trial is None:
        return Judged("unchecked", "invalid", e.problem or "nothing was run")
    for rule in (_vacuous, _mislinked, _dimensions, _inequality, _weak, _lower):
        found = rule(e)
        if found is not None:
            return found
    return Judged("verified", "text-link" if e.link.how == "text" else _sort(e), _note(e))


def _vacuous(e: Evidence) -> Judged | None:
    assert e.trial is not None
    live = len(e.killed) + len(e.alive)
    reason = ""
    if e.proof.found == "vacuous":
        reason = e.proof.note
    elif e.calls == 0:
        reason = "claim is never called"
    elif e.trial.zeros >= e.trial.asserted:
        reason = "every comparison is 0 = 0"
    elif e.arguments and e.inputs < 2:
        reason = "claim only ever sees one fixed input"
    elif e.repeats:
        reason = "the reference repeats the claim"
    elif len(e.degenerate) > DEGENERATE * max(1, len(e.degenerate) + live):
        reason = "inputs are degenerate: not noticed there: " + _list(e.degenerate)
    elif live < LEAST and not _samples(e):
        reason = f"only {live} live mutants" + (
            f", {e.untried} untried for lack of time" if e.untried else ""
        )
    return Judged("unchecked", "vacuous", reason) if reason else None


def _mislinked(e: Evidence) -> Judged | None:
    return Judged("unchecked", "mislinked", e.link.detail) if e.link.how == "mismatch" else None


def _dimensions(e: Evidence) -> Judged | None:
    assert e.trial is not None
    # numbers have no dimension: mutants that change only a number survive, and are no reproach
    if e.trial.kinds != {"scales"} or not e.killed:
        return None
    return Judged("consistent", "dimensions", "only the dimensions were checked" + _linking(e))


def _inequality(e: Evidence) -> Judged | None:
    """Samples never prove an inequality, so it has a verdict of its own, with the room it leaves."""
    if not _samples(e):
        return None
    assert e.trial is not None
    live = len(e.killed) + len(e.alive)
    slack = f"smallest slack {e.trial.slack:.2g}"
    if not e.killed:
        return Judged("unchecked", "vacuous", f"no mutant is noticed ({live} alive), {slack}")
    loose = len(e.killed) < live / 2
    reason = f"{slack}; {len(e.alive)} of {live} mutants alive{_linking(e)}"
    if e.proof.found == "proved":
        limited = "" if loose else _limits(e)
        if not (loose or limited):
            return _proved(e)
        reason += f"; proved {e.proof.note}, but {limited or 'most mutants satisfy it too'}"
    elif e.proof.note:
        reason += f"; {e.proof.note}"
    return Judged("holds-on-samples", "loose-inequality" if loose else "inequality", reason)


def _limits(e: Evidence) -> str:
    """What the proof leaves out of the formula; "" for nothing."""
    assert e.trial is not None
    if "holds" in e.trial.kinds:
        return "what is asserted by holds was only sampled"
    if e.sized:
        return "only in one size, and the formula has vectors or sums"
    held = dict.fromkeys(argument for reading in e.trial.readings for argument in reading.fixed)
    if held:
        return f"only for {', '.join(held)}"
    drawn = len({reading.theorem for reading in e.trial.readings}) * TRIALS > len(e.trial.readings)
    return "only for the whole numbers drawn" if drawn else ""


def _proved(e: Evidence) -> Judged:
    if e.link.how == "none":
        return Judged(
            "consistent", "unlinked", f"proved {e.proof.note}; not linked to the formula: {e.link.detail}"
        )
    if e.link.how == "text":
        return Judged("verified", "text-link", f"proved {e.proof.note}; {_note(e)}")
    return Judged("verified", PROVED, e.proof.note)


def _samples(e: Evidence) -> bool:
    kinds = e.trial.kinds if e.trial is not None else set()
    return bool(kinds & {"holds", "prove"}) and not kinds - {"holds", "prove", "scales"}


def _weak(e: Evidence) -> Judged | None:
    assert e.trial is not None
    # a one-percent change lies within the noise of a sample mean
    alive = [m for m in e.alive if not ("mean" in e.trial.kinds and "1.01" in m.what)]
    total = len(e.killed) + len(alive)
    if total and len(e.killed) / total >= KILLED and not any(mutant.sign for mutant in alive):
        return None
    return Judged("unchecked", "weak", f"{len(alive)} of {total} mutants alive: {_list(alive)}")


def _lower(e: Evidence) -> Judged | None:
    assert e.trial is not None
    if not e.routes:
        reason = "algebra only: no derivative, quadrature, ODE, limit, sampling, solving or summation"
        return Judged("consistent", "algebra-only", reason + _linking(e))
    if e.link.vectors and max(e.vectors, e.trial.dimension) < 2:
        return Judged(
            "consistent", "one-dimensional", "a formula for vectors, tried in one dimension" + _linking(e)
        )
    if e.link.how == "none":
        return Judged("consistent", "unlinked", f"not linked to the formula: {e.link.detail}")
    return None


def _sort(e: Evidence) -> str:
    kinds = e.trial.kinds if e.trial is not None else set(e.routes)
    for kind, grade in (("mean", "statistical"), ("limit", "limit"), ("order", "order")):
        if kind in kinds:
            return grade
    return "exact"


def _note(e: Evidence) -> str:
    parts = [e.proof.note] if e.proof.found == "open" else []
    if e.alive:
        parts.append(f"alive: {_list(e.alive)}")
    if e.untried:
        parts.append(f"{e.untried} mutants untried for lack of time")
    if e.link.how == "text":
        parts.append(f"linked by its text only: {e.link.detail}")
    return "; ".join(parts)


def _linking(e: Evidence) -> str:
    return f"; not linked: {e.link.detail}" if e.link.how == "none" else ""


def _list(found: list[Mutant]) -> str:
    shown = "; ".join(mutant.what for mutant in found[:5])
    return shown + (" …" if len(found) > 5 else "")
