"""How measured values read in prose and in mathematics."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.lab import Table, format_value


@pytest.mark.parametrize(
    ("value", "unit", "prose", "tex"),
    [
        (1e-05, "", "0.00001", "10^{-5}"),
        (-1e-05, "", "−0.00001", "-10^{-5}"),
        (3.14159265, "", "3.142", "3.142"),
        (0.5, "", "0.5", "0.5"),
        (2.0, "", "2", "2"),
        (3, "次", "3 次", r"3\,\text{次}"),
        (12.345678, "%", "12.35%", r"12.35\%"),
        (0.00012345678, "", "0.0001235", r"1.235\times 10^{-4}"),
        (1.5e-9, "", r"$1.5\times 10^{-9}$", r"1.5\times 10^{-9}"),
        (6.02214076e23, "", r"$6.022\times 10^{23}$", r"6.022\times 10^{23}"),
        (123456.789, "", "123457", "123457"),
        (1048576, "", "1048576", "1048576"),
        (0, "", "0", "0"),
        (-0.0, "", "0", "0"),
        (-2.5, "", "−2.5", "-2.5"),
        (0.99996, "", "1", "1"),
        (9.9996e-6, "", "0.00001", "10^{-5}"),
        (True, "", "是", r"\text{是}"),
        (None, "", "未得出", r"\text{未得出}"),
        (math.inf, "", r"$\infty$", r"\infty"),
        (math.nan, "", "非数", r"\text{非数}"),
        ("a_b", "", "a_b", r"\text{a\_b}"),
        (1.5, "ms", "1.5 ms", r"1.5\,\text{ms}"),
    ],
)
def test_digits(value: object, unit: str, prose: str, tex: str) -> None:
    assert format_value(value, unit, "prose") == prose
    assert format_value(value, unit, "math") == tex


def read(text: str) -> float:
    """The number that a formatted value stands for."""
    text = text.strip("$").replace("−", "-")
    found = re.fullmatch(r"(-?)(?:(\d[\d.]*)(?:\\times )?)?(?:10\^\{(-?\d+)\})?", text)
    assert found, text
    sign, digits, power = found.groups()
    return (-1 if sign else 1) * float(digits or 1) * 10.0 ** int(power or 0)


@given(st.one_of(st.floats(-1e300, 1e300), st.integers(-(10**12), 10**12)))
def test_four_digits_survive(value: float) -> None:
    for text in (format_value(value, "", "prose"), format_value(value, "", "math")):
        assert read(text) == pytest.approx(value, rel=5.1e-4, abs=1e-307)
        assert len(text) <= 24


def test_a_table_is_markdown() -> None:
    table = Table((r"$\eta$", "a|b"), ((0.1, "x|y"), (1e-5, None)))
    assert table.markdown() == "| $\\eta$ | a\\|b |\n| --- | --- |\n| 0.1 | x\\|y |\n| 0.00001 | 未得出 |"
