"""What a witness concluded, and its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

WitnessName = Literal["verified", "consistent", "holds-on-samples", "refuted", "unchecked"]
VERDICTS: tuple[WitnessName, ...] = ("verified", "consistent", "holds-on-samples", "refuted", "unchecked")


@dataclass(frozen=True, slots=True)
class WitnessJob:
    """One witness to run."""

    code: str
    eq: str = ""
    """Label of the formula; "" leaves it to the witness's own EQ."""
    tex: str | None = None
    """The displayed right side, filled in by the program; None where there is no article."""
    file: str = ""
    salt: int = 0
    """Other seeds, for testing the harness itself; verdicts are given at 0."""


@dataclass(frozen=True, slots=True)
class WitnessVerdict:
    """Verified, refuted and unchecked are three different things, and none of them is a boolean."""

    file: str
    eq: str
    verdict: WitnessName
    grade: str
    """How good a *verified* is, or what a lower verdict lacks; the list stands in docs/laboratory.md."""
    route: str
    """By which independent ways the reference was computed, or ``algebra only``."""
    killed: int
    """Mutants of the claim that the check noticed."""
    live: int
    """Mutants that differ from the claim on the inputs used."""
    linked: str
    """``evaluated``, ``text``, ``none`` or ``mismatch``: how the claim is tied to the displayed formula."""
    seconds: float
    reason: str
    expect: str | None = None
    """The verdict the witness's author announced with EXPECT."""
    survivors: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "eq": self.eq,
            "verdict": self.verdict,
            "grade": self.grade,
            "route": self.route,
            "killed": self.killed,
            "live": self.live,
            "linked": self.linked,
            "seconds": self.seconds,
            "reason": self.reason,
        }


def from_reply(job: WitnessJob, reply: Mapping[str, Any]) -> WitnessVerdict:
    """The verdict that the runner inside the sandbox wrote; raises KeyError or ValueError for anything else."""
    if reply["verdict"] not in VERDICTS:
        raise ValueError(reply["verdict"])
    expect = reply.get("expect")
    return WitnessVerdict(
        file=job.file,
        eq=job.eq or str(reply["eq"]),
        verdict=reply["verdict"],
        grade=str(reply["grade"]),
        route=str(reply["route"]),
        killed=int(reply["killed"]),
        live=int(reply["live"]),
        linked=str(reply["linked"]),
        seconds=float(reply["seconds"]),
        reason=str(reply["reason"]),
        expect=str(expect) if expect is not None else None,
        survivors=tuple(map(str, reply.get("survivors", ()))),
    )


NOT_RUN = "not-run"
"""Grade of a witness that the sandbox or its harness failed: that says nothing of the witness."""


def not_run(job: WitnessJob, reason: str, seconds: float = 0.0) -> WitnessVerdict:
    return replace(unchecked(job, reason, seconds), grade=NOT_RUN)


def unchecked(job: WitnessJob, reason: str, seconds: float = 0.0) -> WitnessVerdict:
    return WitnessVerdict(
        job.file, job.eq, "unchecked", "invalid", "algebra only", 0, 0, "none", round(seconds, 4), reason
    )
