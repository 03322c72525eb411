"""What the planning stages agree on: reading, outline and division, and what a part of an expansion is."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Assumption:
    id: str
    text: str
    line: int | None
    explicit: bool
    used_at: str
    fails_when: str


@dataclass(frozen=True, slots=True)
class Symbol:
    tex: str
    meaning: str
    kind: str
    domain: str
    line: int | None = None
    """Line of the source that introduces it; None for a symbol the expansion introduces."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A step the author leaves out."""

    id: str
    line: int
    quote: str
    gap: str
    bridge: str
    grade: str


@dataclass(frozen=True, slots=True)
class Slip:
    """A place where the source seems wrong, with evidence that can be checked."""

    id: str
    line: int
    quote: str
    problem: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a sceptical reader would ask."""

    id: str
    line: int | None
    ask: str
    by: str


@dataclass(frozen=True, slots=True)
class Reading:
    thesis: str
    assumptions: tuple[Assumption, ...]
    notation: tuple[Symbol, ...]
    skipped: tuple[Skipped, ...]
    slips: tuple[Slip, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A formula the expansion derives; it is witnessed before anyone builds on it."""

    label: str
    lhs: str
    rel: str
    rhs: str
    error: str | None
    given: str
    check: str
    witness: str | None


@dataclass(frozen=True, slots=True)
class Experiment:
    id: str
    level: str
    question: str
    predict: str
    refute: str
    design: str
    emits: tuple[str, ...]
    figures: tuple[str, ...]
    seconds: int


@dataclass(frozen=True, slots=True)
class Outline:
    argument: str
    symbols: tuple[Symbol, ...]
    facts: tuple[Fact, ...]
    experiments: tuple[Experiment, ...]
    left_out: tuple[str, ...]

    def fact(self, label: str) -> Fact | None:
        return next((f for f in self.facts if f.label == label), None)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an expansion: what it is for, what it owns and where it stands."""

    id: str
    title: str
    purpose: str
    after: int | None
    inline: bool
    covers: tuple[str, ...]
    claims: tuple[str, ...]
    formulas: tuple[str, ...]
    experiment: str | None
    not_here: str
    lines: int

    @property
    def section(self) -> str:
        return self.id.rsplit(".", 1)[0]


@dataclass(frozen=True, slots=True)
class Chapter:
    id: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Term:
    term: str
    by: str


@dataclass(frozen=True, slots=True)
class Citation:
    key: str
    by: str
    use: str


@dataclass(frozen=True, slots=True)
class Uncovered:
    id: str
    why: str


@dataclass(frozen=True, slots=True)
class Wanted:
    authors: str
    title: str
    year: int | None
    by: str
    use: str


@dataclass(frozen=True, slots=True)
class Division:
    sections: tuple[Chapter, ...]
    terms: tuple[Term, ...]
    citations: tuple[Citation, ...]
    uncovered: tuple[Uncovered, ...]
    wanted: tuple[Wanted, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(p for c in self.sections for p in c.parts)


@dataclass(frozen=True, slots=True)
class RefereeRemark:
    line: int
    kind: str
    severity: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rederived:
    line: int
    how: str


@dataclass(frozen=True, slots=True)
class Referee:
    rederived: tuple[Rederived, ...]
    findings: tuple[RefereeRemark, ...]


def build(kind: type[T], raw: Any) -> T:
    """The record ``kind`` from JSON that its schema has already accepted; unknown keys are passed over."""
    hints = get_type_hints(kind)
    names = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{k: _convert(hints[k], v) for k, v in raw.items() if k in names})


def _convert(hint: Any, value: Any) -> Any:
    if get_origin(hint) is tuple and isinstance(value, list):
        inner = get_args(hint)[0]
        return tuple(_convert(inner, v) for v in value)
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        return build(hint, value)
    return value
