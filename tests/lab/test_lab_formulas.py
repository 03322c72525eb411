"""The reader of formulas: what it evaluates, what it refuses, how it links, and the pass over displays."""

from __future__ import annotations

import contextlib
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import article as articles
from agent.lab.inside.link import Point, link
from agent.lab.inside.tex.evaluate import Evaluator
from agent.lab.inside.tex.lexer import contains, plain, tokens
from agent.lab.inside.tex.nodes import Node, Reading, Unreadable
from agent.lab.inside.tex.parser import parse
from agent.lab.inside.tex.steps import labelled, rows, segments, sides, without_remainder
from agent.lab.scan import claims, display_steps, scan

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "lab" / "scan.md"
CASE = re.compile(r"^## ([^\n]+)\n\n~~~~\n(.*?)\n~~~~\n\n((?:- [^\n]+\n?)+)", re.S | re.M)


def cases() -> list[tuple[str, str, list[str]]]:
    return [(t, tex, steps.split("\n")) for t, tex, steps in CASE.findall(GOLDEN.read_text(encoding="utf-8"))]


def test_every_golden_case_is_read() -> None:
    assert len(cases()) == GOLDEN.read_text(encoding="utf-8").count("\n## ")


@pytest.mark.parametrize(("title", "tex", "wanted"), cases(), ids=[c[0] for c in cases()])
def test_golden_steps(title: str, tex: str, wanted: list[str]) -> None:
    found = [
        f"- {s.kind} {s.relation}".rstrip() + (f" suspect {s.detail}" if s.suspect else "")
        for s in display_steps(tex)
    ]
    assert found == [line for line in wanted if line]


def value(tex: str, **bound: Any) -> Any:
    def lookup(node: Node, index: tuple[Any, ...]) -> Any:
        if node.name in bound:
            return bound[node.name]
        raise Unreadable(node.name)

    return Evaluator(lookup).value(
        parse(tex, Reading(), frozenset(k for k, v in bound.items() if callable(v)))
    )


@pytest.mark.parametrize(
    ("tex", "wanted"),
    [
        (r"\frac12", 0.5),
        (r"\frac{1}{2}x^2", 4.5),
        (r"2^{10} - 2^3", 1016),
        (r"-x^2", -9),
        (r"3x", 9),
        (r"12.5", 12.5),
        (r"x^12", 3 * 2),
        (r"\sqrt[3]{27} + \sqrt{16}", 7),
        (r"\ln e^{x}", 3),
        (r"\sin^2 x + \cos^2 x", 1),
        (r"\cosh x \cosh x - \sinh^2 x", 1),
        (r"\max\{1, x\} + \min\left(2, x\right)", 5),
        (r"|x - 5| + \lfloor 2.5 \rfloor + \lceil 2.5 \rceil", 7),
        (r"\binom{5}{2} + 4!", 34),
        (r"\sum_{i=1}^{4} i^2", 30),
        (r"\sum_{i=1}^{3} \sum_{j=1}^{i} j", 10),
        (r"\prod_{k=1}^{4} k", 24),
        (r"\sum_{i=3}^{2} i", 0),
        (r"\int_0^x t^2 \, dt", 9),
        (r"\begin{cases} 1, & x < 2 \\ 2, & 2 \le x \le 3 \\ 3, & \text{其他} \end{cases}", 2),
        (r"\begin{cases} 1, & x < 2 \\ 7, & \text{otherwise} \end{cases}", 7),
        (r"6 / 2 \cdot 3", 9),
        (r"2 \times -3", -6),
        (r"\left(1 + \frac{1}{x}\right)^{x}", (4 / 3) ** 3),
        (r"\operatorname{arsinh} x", math.asinh(3)),
        (r"\log_2 8", 3),
    ],
)
def test_scalars(tex: str, wanted: float) -> None:
    assert value(tex, x=3.0, e=math.e) == pytest.approx(wanted, rel=1e-12)


A = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 4.0]])
U = np.array([[1.0], [2.0], [3.0]])


@pytest.mark.parametrize(
    ("tex", "wanted"),
    [
        (r"u^\top A u", float((U.T @ A @ U)[0, 0])),
        (r"u u^{\top}", U @ U.T),
        (r"A^{-1} u", np.linalg.inv(A) @ U),
        (r"A^{-\top}", np.linalg.inv(A).T),
        (r"A^2 u", A @ A @ U),
        (r"\|u\|^2", 14.0),
        (r"\Vert u \Vert_1", 6.0),
        (r"\langle u, A u\rangle", float((U.T @ A @ U)[0, 0])),
        (r"\operatorname{tr}(A)", 9.0),
        (r"\det(A)", float(np.linalg.det(A))),
        (r"u \odot u", U * U),
        (r"\frac{u}{2}", U / 2),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", np.array([[1.0, 2.0], [3.0, 4.0]])),
    ],
)
def test_vectors_and_matrices(tex: str, wanted: Any) -> None:
    np.testing.assert_allclose(value(tex, A=A, u=U), wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "tex",
    [
        r"\nabla L", r"x + \cdots", r"\lim_{n\to\infty} x", r"\max_{x} x", r"\sum_{i \in S} x", "(1, 2)", r"\int f",
        r"\mathbb{E}[x]", "u + 1", "A u u", r"\frac{1}{", "x^", r"\sqrt{-1}", "1/0", r"\begin{foo} 1 \end{foo}",
        r"\arcsin 2", "unbound", "x )", r"\sum_{i=1}^{10^9} i",
        "x²", "2^²", "①", r"\binom{10^{9}}{10^{8}}",
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_so(tex: str) -> None:
    with pytest.raises(Unreadable):
        value(tex, x=3.0, A=A, u=U)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=r"\{}[]()^_&|+-*/=<>!.,;:'x12²① " + "afgnprst", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for step in display_steps(text):
        assert step.kind
    with contextlib.suppress(Unreadable):
        parse(text)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[str, float]:
    """A formula together with its value, built side by side."""
    if depth == 0 or draw(st.booleans()):
        whole = draw(st.integers(1, 99))
        return draw(st.sampled_from([f"{whole}", f"{{{whole}}}", f"({whole})"])), float(whole)
    (a, x), (b, y) = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    kind = draw(st.sampled_from(["+", "-", "*", "frac", "sqrt", "abs"]))
    if kind == "frac":
        return (rf"\frac{{{a}}}{{{b}}}", x / y) if y else (a, x)
    if kind == "sqrt":
        return rf"\sqrt{{\left|{a}\right|}}", math.sqrt(abs(x))
    if kind == "abs":
        return rf"\left({a}\right) \left|{b}\right|", x * abs(y)
    if kind == "*":
        return rf"\left({a}\right) \times \left({b}\right)", x * y
    return rf"{{\left({a} {kind} \left({b}\right)\right)}}", x + y if kind == "+" else x - y


@settings(max_examples=200, deadline=None)
@given(expressions())
def test_generated_arithmetic(pair: tuple[str, float]) -> None:
    tex, wanted = pair
    assert value(tex) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    steps = display_steps(f"{tex} = {wanted + 1:.0f} + 0")
    assert [s.suspect for s in steps] == [
        abs(round(wanted + 1) - wanted) > 1e-9 * max(abs(wanted), abs(wanted + 1))
    ]


def test_spelling_does_not_matter() -> None:
    assert tokens(r"x_{i}^{2}") == tokens("x_i^2")
    assert plain(tokens(r"\left\Vert g \right\Vert")) == tokens(r"\|g\|")
    assert tokens(r"\dfrac{1}{2} % half") == tokens(r"\frac12")
    assert contains(r"y = \frac{\gamma}{2} \lVert g\rVert^2 \label{eq:a}", r"\frac{\gamma}{2}\|g\|^{2}")
    assert not contains("y = a + b", "a b")


def test_rows_segments_and_sides() -> None:
    tex = r"\begin{align} a &= b \label{x} \\ c &= d \\ &= \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} \label{y} \end{align}"
    assert [row.labels for row in rows(tex)] == [("x",), (), ("y",)]
    assert labelled(tex, "x").startswith("a &= b")
    assert "c &= d" in labelled(tex, "y")
    assert "a &= b" not in labelled(tex, "y")
    assert [s.relation for s in segments(r"f(a=1) \stackrel{\text{def}}{=} b := c \leq d \quad (x = 2)")] == [
        "", ":=", ":=", "≤",
    ]  # fmt: skip
    assert sides("y = a = b") == [("b",), ("a",)]
    assert sides("a + b") == [("a", "+", "b")]
    assert without_remainder(tuple(tokens(r"a + b + \mathcal{O}(h^2)."))) == ("a", "+", "b")
    assert without_remainder(tuple(tokens("a + O(h)"))) == ("a",)
    assert without_remainder(tuple(tokens("a + f(h)"))) == tuple(tokens("a + f(h)"))


def points(function: Any, *names: str, count: int = 5) -> list[Point]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        arguments = {name: float(rng.uniform(0.5, 2)) for name in names}
        found.append(Point(arguments, function(**arguments)))
    return found


def test_links() -> None:
    halved = points(lambda a, b: a / (2 * b), "a", "b")
    assert link(r"\frac{a}{2b}", None, {"a": "a", "b": "b"}, halved).how == "evaluated"
    assert link("a/2b", None, {}, halved).how == "evaluated", "a slash may reach over a product"
    assert link(r"y = \frac{a}{b}", None, {}, halved).how == "mismatch"
    assert link(r"\frac{\alpha}{2 b_0}", None, {r"\alpha": "a", "b_0": "b"}, halved).how == "evaluated"
    assert link(r"\frac{\alpha}{2 c}", None, {r"\alpha": "a"}, halved).how == "none"
    assert link(r"\sup f", r"\sup f", {}, halved).how == "text"
    assert link(None, None, {}, halved).how == "none"
    assert link("", None, {}, halved).how == "none"
    assert link("a", None, {"a": "import os"}, halved).how == "none"
    assert link(r"\frac{a}{2b}", None, {}, []).how == "none"


def test_links_bind_by_name_and_by_function() -> None:
    named = points(lambda L0, gamma: L0 * gamma**2, "L0", "gamma")
    assert link(r"L_0 \gamma^2", None, None, named).how == "evaluated"
    arguments = {"n": 3, "P": lambda k: float(k * k)}
    found = [Point(arguments, 9.0 + 14.0)]
    assert link(r"P_n(s) + \sum_{k=1}^{n} P_k(s)", None, None, found).how == "evaluated"


def test_a_page_is_scanned_in_order() -> None:
    page = articles.read(
        "设 $x$。\n\n$$y = 2 + 2$$\n\n$$x = 3$$\n\n$$z := 1$$\n\n$$2+2=5$$\n".encode(), "a.md"
    )
    steps = scan(page)
    assert [(s.line, s.kind, s.suspect) for s in steps] == [
        (3, "definition", False),
        (5, "claim", False),
        (7, "definition", False),
        (9, "claim", True),
    ]
    assert [d.line for d in claims(page)] == [5, 9]
