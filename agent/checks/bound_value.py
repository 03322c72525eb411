"""Numbers that no longer agree with the output they were taken from."""

from __future__ import annotations

import re

from agent.article import regions
from agent.checks.page import Bound, Page
from agent.errors import RegionError
from agent.records import Finding

_NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def check(page: Page) -> list[Finding]:
    """What was bound to an output still stands there, in order, still agrees with the output, and the experiment ran.

    Agreement is to the digits that are shown: 0.0123 agrees with 0.012345.
    """
    found = []
    for region, (text, line) in _texts(page).items():
        bound = sorted((b for b in page.bindings if b.region == region), key=lambda b: b.occurrence)
        found += _out_of_place(bound, text, line)
        found += _not_run(page, bound, text, line)
    for item in page.bindings:
        ran = page.experiments.get(item.experiment)
        if ran is None or item.name not in ran.values:
            continue
        value = ran.values[item.name]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not _agrees(item.text, value):
            message = f"{item.experiment}.{item.name} is shown as {item.text}, the output is {value:g}"
            found.append(Finding("results", "bound_value", "error", message))
    return found


def _texts(page: Page) -> dict[str, tuple[str, int]]:
    """Text and first line of each region; the whole text under the empty name."""
    texts = {"": (page.article.text.replace("\r\n", "\n"), 1)}
    try:
        for region in regions(page.article.data):
            texts[region.id] = (region.text, region.begin_line + 2)
    except RegionError:
        # Broken markers are a finding of their own.
        return {}
    return texts


def _out_of_place(bound: list[Bound], text: str, line: int) -> list[Finding]:
    found = []
    at = 0
    for item in bound:
        position = text.find(item.text, at)
        if position < 0:
            place = line + text[:at].count("\n")
            name = f"{item.experiment}.{item.name}"
            message = f"{name}: the bound output {_short(item.text)} does not stand here any more"
            found.append(Finding("results", "bound_value", "error", message, place))
        else:
            at = position + len(item.text)
    return found


def _not_run(page: Page, bound: list[Bound], text: str, line: int) -> list[Finding]:
    """Where outputs of experiments that did not run are cited: what is said there was not produced."""
    found = []
    at = 0
    for item in bound:
        position = text.find(item.text, at)
        at = position + len(item.text) if position >= 0 else at
        ran = page.experiments.get(item.experiment)
        if ran is not None and not ran.ok and position >= 0:
            message = f"{item.experiment}.{item.name} is cited, and {item.experiment} did not run"
            place = line + text[:position].count("\n")
            found.append(Finding("results", "bound_value", "error", message, place))
    return found


def _short(text: str) -> str:
    first = text.strip().split("\n")[0]
    return first if len(first) <= 40 else first[:39] + "…"


def _agrees(shown: str, value: float) -> bool:
    """Whether a number in ``shown`` is ``value`` rounded to the digits it shows (10^{…} is read too)."""
    plain = re.sub(r"\s*\\times\s*10\^\{?\s*([-+−]?\d+)\s*\}?", r"e\1", shown).replace("−", "-")
    plain = plain.replace("{", "").replace("}", "").replace(r"\,", "")
    # An output in per cent is shown as it is, a share times a hundred: the unit alone does not tell which.
    targets = (value, value * 100) if "%" in shown and abs(value) <= 1.5 else (value,)
    for match in _NUMBER.finditer(plain):
        number = match.group()
        mantissa, _, exponent = number.lower().partition("e")
        digits = len(mantissa.partition(".")[2])
        step = 10.0 ** (int(exponent or 0) - digits)
        if any(abs(float(number) - target) <= 0.5000001 * step for target in targets):
            return True
    return not _NUMBER.search(plain)
