"""How a measured value reads: sensible digits, one way in prose and another in mathematics."""

from __future__ import annotations

import math
from typing import Any, Literal

Where = Literal["prose", "math"]
DIGITS = 4
"""Significant digits shown: more suggests a precision that a small experiment does not have."""
PLAIN_SMALL = 1e-6
"""Below this a decimal in prose is harder to read than a power of ten."""
PLAIN_LARGE = 1e7


def format_value(value: Any, unit: str = "", where: Where = "prose") -> str:
    """``value`` as text for Chinese prose or for TeX.

    Whole numbers stay whole; others get four significant digits, trailing zeros dropped. 1e-05 reads
    ``0.00001`` in prose and ``10^{-5}`` in mathematics. A percent sign follows without a space,
    other units with one.
    """
    if isinstance(value, bool):
        text = ("是" if value else "否") if where == "prose" else rf"\text{{{'是' if value else '否'}}}"
    elif isinstance(value, int | float):
        text = _number(value, where)
    elif value is None:
        text = "未得出" if where == "prose" else r"\text{未得出}"
    else:
        text = str(value) if where == "prose" else rf"\text{{{_escape(str(value))}}}"
    return text + _unit(unit, where)


def _number(value: float, where: Where) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return _special(value, where)
    if value == 0:
        return "0"
    if float(value).is_integer() and abs(value) < PLAIN_LARGE:
        return _minus(f"{int(value)}", where)
    mantissa, exponent = f"{value:.{DIGITS - 1}e}".split("e")
    power = int(exponent)
    mantissa = mantissa.rstrip("0").rstrip(".")
    if where == "math":
        if -3 <= power < 6:
            return _decimal(value, power)
        return _power(mantissa, power)
    if PLAIN_SMALL <= abs(value) < PLAIN_LARGE:
        return _minus(_decimal(value, power), where)
    return f"${_power(mantissa, power)}$"


def _decimal(value: float, power: int) -> str:
    places = max(0, DIGITS - 1 - power)
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _power(mantissa: str, power: int) -> str:
    if mantissa == "1":
        return f"10^{{{power}}}"
    if mantissa == "-1":
        return f"-10^{{{power}}}"
    return rf"{mantissa}\times 10^{{{power}}}"


def _minus(text: str, where: Where) -> str:
    # a hyphen before a digit breaks at line ends; prose gets the minus sign proper
    return text.replace("-", "−") if where == "prose" else text


def _special(value: float, where: Where) -> str:
    if math.isnan(value):
        return "非数" if where == "prose" else r"\text{非数}"
    tex = r"\infty" if value > 0 else r"-\infty"
    return f"${tex}$" if where == "prose" else tex


def _unit(unit: str, where: Where) -> str:
    if not unit:
        return ""
    if where == "math":
        return r"\%" if unit == "%" else rf"\,\text{{{_escape(unit)}}}"
    return unit if unit == "%" else f" {unit}"


TEX = str.maketrans({c: "\\" + c for c in "%_#&${}"} | {"\\": r"\textbackslash "})


def _escape(text: str) -> str:
    return text.translate(TEX)
