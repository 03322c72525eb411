"""From a function of numbers to a theorem, and what Z3 says of it."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable
from fractions import Fraction
from importlib import metadata
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.commands.doctor import Examined, prover
from agent.lab import Sandbox
from agent.lab.cache import tools
from agent.lab.inside.child import answer
from agent.lab.inside.conditions import compared
from agent.lab.inside.graph import evaluated, written
from agent.lab.inside.judge import run
from agent.lab.inside.prover import failing
from agent.lab.inside.raised import Bad
from agent.lab.inside.solver import ask
from agent.lab.inside.terms import Untranslatable, exact
from agent.lab.inside.theorem import Sample, Statement, Theorem, at_floats, discrepancy, read_off

NUMBERS = st.floats(-3, 3).map(lambda x: round(x, 3))
WHOLE = st.integers(-6, 6)


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.integers(0, 3)).map(lambda t: f"{t[0]} ** {t[1]}"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        inner.map(lambda x: f"abs({x})"),
        inner.map(lambda x: f"(-{x})"),
        inner.map(lambda x: f"np.sqrt({x} * {x})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]} if {t[0]} < {t[1]} else {t[1]} + 1)"),
    )


EXPRESSIONS = st.recursive(
    st.one_of(st.sampled_from(["a", "b"]), WHOLE.map(lambda n: f"({n})")), grown, max_leaves=6
)


def statement(text: str, hyps: Callable[..., Any] = lambda a, b: True) -> Statement:
    inside = {"np": np, "compared": compared}
    return Statement.of(hyps, eval(f"lambda a, b: compared(('<=',), 0, {text})", inside))


def theorem(coefficients: tuple[int, int, int], sign: str = "<=") -> Theorem:
    p, q, r = coefficients
    return read_off(Statement.of(lambda x: True, lambda x: compared((sign,), 0, p * x * x + q * x + r)))


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, NUMBERS, NUMBERS)
def test_what_is_read_off_is_what_the_function_computes(text: str, a: float, b: float) -> None:
    said = statement(text)
    try:
        sample, read = said.at((a, b)), read_off(said)
    except (ZeroDivisionError, OverflowError, Untranslatable):
        assume(False)
    assume(all(math.isfinite(side) for _, *sides in sample.concl or () for side in sides))
    assert discrepancy(read, [sample]) == ""
    (sign, left, right), *_ = sample.concl or ()
    moved = Sample(sample.point, sample.hyps, ((sign, left, right * 1.001 + 1),))
    assert discrepancy(read, [moved]) != ""


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS, NUMBERS, NUMBERS)
def test_a_theorem_reads_as_what_it_means(text: str, a: float, b: float) -> None:
    try:
        read = read_off(statement(text))
    except Untranslatable:
        assume(False)
    for shown, value in zip(written(read.nodes), at_floats(read, (a, b)), strict=True):
        if math.isfinite(value):
            meant = eval(shown.replace("^", "**"), {"a": a, "b": b, "sqrt": math.sqrt})
            assert meant == pytest.approx(value, rel=1e-6, abs=1e-6), shown


@settings(max_examples=40, deadline=None)
@given(st.tuples(WHOLE, WHOLE, WHOLE), st.sampled_from(["<", "<="]))
def test_quadratics_are_settled_as_school_settles_them(coefficients: tuple[int, int, int], sign: str) -> None:
    p, q, r = coefficients
    bottom = q * q - 4 * p * r
    if p == q == 0:
        true = r > 0 or (r == 0 and sign == "<=")
    else:
        true = p > 0 and (bottom < 0 or (bottom == 0 and sign == "<="))
    read = theorem(coefficients, sign)
    reply = ask(read, 5.0)
    assert reply["found"] == ("proved" if true else "counterexample")
    if not true:
        point = [Fraction(value) for value in reply["point"]]
        assert failing(read, point, exact=reply["exact"])
    assert failing(theorem((1, 0, 1)), [Fraction(1, 3)], exact=True) == ""


def test_no_division_by_nought_proves_anything() -> None:
    def concl(a: Any, b: Any) -> Any:
        return compared(("<=",), (a - a) / (b - b), 0)

    read = read_off(Statement.of(lambda a, b: True, concl))
    assert ask(read, 5.0)["found"] == "undefined"
    inside = Statement.of(lambda a, b: compared((">",), a / b, 0), lambda a, b: compared((">",), a * b, 0))
    assert ask(read_off(inside), 5.0)["found"] == "undefined"
    guarded = Statement.of(
        lambda a, b: True, lambda a, b: compared((">=",), a / b * a / b if b != 0 else 0, 0)
    )
    assert ask(read_off(guarded), 5.0)["found"] == "proved"


def test_a_root_on_a_way_not_taken_forbids_no_point() -> None:
    said = Statement.of(lambda a: True, lambda a: compared(("<=",), np.sqrt(a) if a >= 0 else 1, 0))
    reply = ask(read_off(said), 5.0)
    assert reply["found"] == "counterexample"
    negative = Statement.of(lambda a: True, lambda a: compared(("<=",), 0, np.sqrt(a)))
    assert ask(read_off(negative), 5.0)["found"] == "undefined"


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (0.1, Fraction(1, 10)),
        (1 / 3, Fraction(1, 3)),
        (2.5e-7, Fraction(1, 4000000)),
        (np.int64(7), Fraction(7)),
    ],
)
def test_constants_are_what_was_written(value: Any, meant: Fraction) -> None:
    assert exact(value) == meant


@pytest.mark.parametrize("value", [math.pi, math.sqrt(2), math.inf, 1j, "1", None])
def test_constants_that_are_no_fraction(value: Any) -> None:
    with pytest.raises(Untranslatable):
        exact(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("math.exp(a)", "plain number"), ("np.exp(a)", "exp"), ("2 ** a", "exponent"), ("a ** b", "exponent"),
        ("a ** .3", "power"), ("[1, 2][a]", "plain number"), ("a * math.pi", "no short decimal"),
        ("sum(a ** k * b for k in range(3000))", "the power"), ("sum(max(a, k) for k in range(40))", "branches"),
        ("a / 0", "division by 0"), ("np.linalg.det(np.array([[a, b], [b, a]]))", "Error"), ("{a: b}[a]", "hash"),
    ],
)  # fmt: skip
def test_what_is_no_arithmetic_says_why(text: str, why: str) -> None:
    inside = {"np": np, "math": math, "compared": compared}
    said = Statement.of(lambda a, b: True, eval(f"lambda a, b: compared(('<=',), 0, {text})", inside))
    with pytest.raises(Untranslatable, match=why):
        read_off(said)


def test_two_functions_of_the_same_arguments() -> None:
    for hyps, concl in ((True, lambda a: a), (lambda: 1, lambda: 1), (lambda *a: a, lambda *a: a)):
        with pytest.raises(Bad, match="prove"):
            Statement.of(hyps, concl)


def test_fractions_stay_exact() -> None:
    read = theorem((1, -1, 0))
    assert evaluated(read.nodes, {"x": Fraction(1, 3)}, Fraction, math.sqrt)[
        read.concl[0].says[0].right
    ] == Fraction(-2, 9)


MEANS = """
TEX = r"\\left(\\frac{a+b}{2}\\right)^2"
BIND = {"a": "a", "b": "b"}
def claim(a, b): return ((a + b) / 2)**2
def check(claim, w): w.prove(lambda a, b: [a > 0, b > 0], lambda a, b: a * b <= claim(a, b))
"""


def test_without_z3_a_statement_holds_on_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    job = {"code": MEANS, "seconds": 20}
    assert run(job)["grade"] == "proved"
    monkeypatch.setitem(sys.modules, "z3", None)
    found = run(job)
    assert (found["verdict"], found["grade"], found["linked"]) == (
        "holds-on-samples",
        "inequality",
        "evaluated",
    )
    assert "z3-solver is not installed" in found["reason"]


def test_doctor_says_whether_z3_is_there(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    assert prover() == Examined("prover", True, "2ab ≤ a² + b² was proved by Z3")
    monkeypatch.setitem(sys.modules, "z3", None)
    without = prover()
    assert (without.ok, without.detail) == (None, "z3-solver is not installed")
    assert "expand-articles[prove]" in without.fix


def test_a_verdict_is_kept_for_the_prover_it_was_given_with(monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.lab.witness import WitnessJob, cache

    before = cache.key(WitnessJob(MEANS))
    found = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0" if name == "z3-solver" else found(name))
    tools.cache_clear()
    assert cache.key(WitnessJob(MEANS)) != before
    tools.cache_clear()


def test_an_answer_that_is_late_is_given_up_and_its_process_ended() -> None:
    read_end, write_end = os.pipe()

    def stuck() -> bytes:
        os.write(write_end, str(os.getpid()).encode())
        signal.pause()
        return b""

    assert answer(stuck, 0.5) is None
    pid = int(os.read(read_end, 32))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    os.close(read_end)
    os.close(write_end)
    assert answer(lambda: b"x" * 100_000, 30.0) == b"x" * 100_000
