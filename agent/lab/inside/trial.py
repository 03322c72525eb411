"""Trials of a witness: its check, under the harness's seeds, with the claim or a mutant of it."""

from __future__ import annotations

import ast
import copy
import hashlib
import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from .conditions import COMPARED, compared, instrumented
from .helper import W
from .prover import Reading
from .raised import Bad
from .terms import Untranslatable
from .theorem import Statement, fixed, read_off
from .vet import vet

TRIALS = 4
KEPT_CALLS = 60


class OutOfTime(BaseException):
    """Not an Exception, so that nothing in between takes it for an error of the witness."""


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raises OutOfTime inside the block after ``seconds``; the outer alarm, if any, goes on afterwards."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    start = time.monotonic()
    left, _ = signal.setitimer(signal.ITIMER_REAL, max(0.001, seconds))
    try:
        yield
    finally:
        rest = max(0.001, left - (time.monotonic() - start)) if left else 0.0
        signal.setitimer(signal.ITIMER_REAL, rest)
        signal.signal(signal.SIGALRM, before)


class Spy:
    """``claim`` with its calls written down."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any], Any]] = []
        self.count = 0
        self.symbolic: list[tuple[tuple[Any, ...], dict[str, Any]]] | None = None
        """Where a statement is being read off: the arguments of those calls, which are terms and no inputs."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.symbolic is not None:
            self.symbolic.append((args, kwargs))
            return self.function(*args, **kwargs)
        self.count += 1
        value = self.function(*args, **kwargs)
        if len(self.calls) < KEPT_CALLS:
            self.calls.append((kept(args), {k: keep(v) for k, v in kwargs.items()}, keep(value)))
        return value


def handed(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a check gets for ``claim``: one plain function, be it spied on, mutated or neither, so that its look does not
    tell the check which."""

    def claim(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return claim


def keep(value: Any) -> Any:
    # containers are reused by simulations: a later in-place change must not reach the record
    return copy.deepcopy(value) if isinstance(value, np.ndarray | list | tuple | dict | set) else value


def kept(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(keep(value) for value in values)


@dataclass(slots=True)
class Trial:
    """What all trials of one claim saw together."""

    kinds: set[str] = field(default_factory=set)
    asserted: int = 0
    zeros: int = 0
    slack: float = math.inf
    dimension: int = 0
    room: list[float] = field(default_factory=list)
    """How far apart the sides of each inequality stood, in order."""
    readings: list[Reading] = field(default_factory=list)
    """What was to be proved; read off only where the claim is spied on, so not for mutants."""


@dataclass(frozen=True, slots=True)
class Program:
    """A vetted witness. Each run executes it anew: what one trial stores must not reach the next."""

    tree: ast.Module
    """The source as it is run: hypotheses and conclusions instrumented."""
    claim: ast.FunctionDef
    check: ast.FunctionDef

    @classmethod
    def read(cls, source: str) -> Program:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError) as error:
            raise Bad(f"not Python: {error}") from error
        claim, check = vet(tree)
        return cls(instrumented(tree), claim, check)

    def scope(self, mutant: ast.FunctionDef | None = None) -> dict[str, Any]:
        import mpmath

        names: dict[str, Any] = {
            "np": np,
            "math": math,
            "mp": mpmath,
            "__name__": "witness",
            COMPARED: compared,
        }
        exec(compile(self.tree, "witness", "exec"), names)
        if mutant is not None:
            body = ast.Module([mutant], [])
            exec(compile(body, "mutant", "exec"), names)
        return names

    def run(
        self, seeds: Sequence[int], mutant: ast.FunctionDef | None = None, spy: Spy | None = None
    ) -> Trial:
        """The check under each seed; raises what the check raises."""
        seen = Trial()
        for seed in seeds:
            names = self.scope(mutant)
            claim = names["claim"]
            if spy is not None:
                spy.function = claim
                claim = spy
            w = W(seed)
            names["check"](handed(claim), w)
            if w._count == 0:
                raise Bad("no assertion was made")
            seen.kinds |= w._kinds
            seen.asserted += w._count
            seen.zeros += w._zeros
            seen.slack = min(seen.slack, w._slack)
            seen.dimension = max(seen.dimension, w._dimension)
            seen.room += w._room
            if spy is not None:
                seen.readings += [self._read(statement, spy) for statement in w._statements]
        return seen

    def _read(self, statement: Statement, spy: Spy) -> Reading:
        spy.symbolic = []
        try:
            theorem = read_off(statement)
            return Reading(
                statement, theorem, fixed=fixed(spy.symbolic, [a.arg for a in self.claim.args.args])
            )
        except Untranslatable as error:
            return Reading(statement, None, str(error))
        finally:
            spy.symbolic = None


def seeds_of(source: str, salt: int) -> list[int]:
    """Seeds hang on the text, so that no author can search for friendly ones."""
    digests = (hashlib.sha256(f"{source}\0{salt}\0{trial}".encode()).hexdigest() for trial in range(TRIALS))
    return [int(digest[:8], 16) for digest in digests]
