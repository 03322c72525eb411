"""The formula reader: its verdicts are MathJax's own, its document is a page's, and hostile TeX ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.checks import mathjax


@pytest.fixture
def engine() -> Iterator[mathjax.Engine]:
    """One of its own, where a test tampers with it."""
    engine = mathjax.Engine()
    yield engine
    engine.close()


def one(tex: str, display: bool = True) -> str:
    return mathjax.read([(tex, display)])[0]


@pytest.mark.parametrize(
    "tex",
    [
        r"\frac{a}{b}",
        r"\begin{align}a&=b\tag{1}\\c&=d\tag{2}\end{align}",
        r"\text{batch_size}",
        r"\boldsymbol{\theta}",
        r"\mathop{\text{argmin}}_{x}\,f(x)",
        r"\begin{equation}\begin{aligned}a&=b\\&=c\end{aligned}\tag{1}\end{equation}",
        r"\newcommand{msign}{\text{msign}}",
        r"{\color{red}x}",
        r"\cancel{x}",
    ],
)
def test_valid_formulas_have_no_message(tex: str) -> None:
    assert one(tex) == ""


@pytest.mark.parametrize(
    ("tex", "message"),
    [
        (r"\frac{a}{b", "Missing close brace"),
        (r"\undefinedmacro x", r"Undefined control sequence \undefinedmacro"),
        (r"\begin{aligned}a\tag{1}\end{aligned}", r"\tag not allowed in aligned environment"),
        (r"\begin{equation}a\tag{1}\tag{2}\end{equation}", r"Multiple \tag"),
        (r"a_b_c", "Double subscripts"),
        (r"\left( x", r"Extra \left or missing \right"),
    ],
)
def test_errors_are_mathjax_s_own(tex: str, message: str) -> None:
    assert message in one(tex)


def test_macros_and_labels_persist_within_a_page_and_not_beyond() -> None:
    page = [(r"\newcommand{\msign}{\text{msign}}", False), (r"\msign(x)", True), (r"a\label{one}", True)]
    assert mathjax.read([*page, (r"b\label{one}", True)]) == ("", "", "", "Label 'one' multiply defined")
    assert "msign" in one(r"\msign(x)")


def test_a_prelude_stands_for_the_rest_of_the_page_and_is_not_reported() -> None:
    prelude = (r"\newcommand{\msign}{\text{msign}}", r"\frac{broken", r"0\label{eq:far}")
    assert mathjax.read([(r"\msign(x)", True), (r"1\label{eq:far}", True)], prelude) == (
        "",
        "Label 'eq:far' multiply defined",
    )


def test_a_recursive_macro_ends_with_a_message() -> None:
    assert "maximum macro substitution" in one(r"\def\a{\a\a}\a")


def test_deep_nesting_ends_with_a_message() -> None:
    assert one("{" * 9000 + "}" * 9000) != ""


def test_a_formula_that_is_too_long_is_reported_unread() -> None:
    assert one("x" * (mathjax.LONGEST + 1)) == f"longer than {mathjax.LONGEST} characters"


SLOW = r"\frac12" * (mathjax.LONGEST // 7)
"""Valid, and more than a hundred times slower to read than an ordinary formula."""


def test_slow_formulas_are_named_and_the_macros_before_them_survive(
    engine: mathjax.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A limit that ordinary formulas keep on the busiest machine, and a formula that takes ten times as long.
    monkeypatch.setattr(mathjax, "SECONDS", 0.5)
    monkeypatch.setattr(mathjax, "SECONDS_EACH", 0.5)
    monkeypatch.setattr(mathjax, "LONGEST", 20 * mathjax.LONGEST)
    # Loading takes longer than the shortened limits allow for a first reading, and is not what is tested.
    engine._js = mathjax._load()
    messages = engine.read([(r"\newcommand{\q}{1}", False), (20 * SLOW, True), (r"\q", True)])
    assert messages[0] == messages[2] == ""
    assert "takes more than" in messages[1]


def test_a_page_of_slow_formulas_is_given_up(engine: mathjax.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mathjax, "SECONDS", 0.05)
    monkeypatch.setattr(mathjax, "SECONDS_EACH", 0.05)
    monkeypatch.setattr(mathjax, "PATIENCE", 1)
    with pytest.raises(mathjax.Unread):
        engine.read([(SLOW, True)] * 3)


def test_calls_from_many_threads_agree(engine: mathjax.Engine) -> None:
    pages = [[(rf"\newcommand{{\n}}{{{i}}}", False), (r"\n", True), (r"\m", True)] for i in range(12)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(engine.read, pages))
    assert results == [("", "", r"Undefined control sequence \m")] * 12


def test_a_process_that_used_the_engine_ends() -> None:
    program = "from agent.checks import mathjax; print(mathjax.read([('x', True)]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "('',)\n", done.stderr


def test_mathjax_stays_out_of_a_process_that_only_imports_the_checks() -> None:
    program = "import sys, agent.checks; print([m for m in ('py_mini_racer', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
