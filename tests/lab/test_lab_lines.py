"""JSON lines that a sandboxed process hands back, whatever the texts in them hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from agent.lab import DEFAULT_LIMITS, Limits, Outcome, WitnessJob, run_witnesses
from agent.lab.experiment import read_outcome

ODD = ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"]


class Canned:
    """A sandbox whose every run ends with this text on its stdout."""

    name = "canned"
    confined = True

    def __init__(self, stdout: str) -> None:
        self.stdout = stdout

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Outcome:
        return Outcome(self.stdout, "", 0, 0.1)


@pytest.mark.parametrize("odd", ODD)
def test_a_value_that_holds_an_odd_line_separator_arrives(odd: str) -> None:
    line = json.dumps({"kind": "value", "name": "ok", "value": f"x{odd}y", "unit": ""}, ensure_ascii=False)
    found = read_outcome(Outcome("", "", 0, 0.1, files={"_results.jsonl": f"{line}\n".encode()}), "exp1")
    assert found.values["ok"].value == f"x{odd}y"


@pytest.mark.parametrize("odd", ODD)
def test_a_verdict_that_holds_an_odd_line_separator_arrives(odd: str) -> None:
    line = json.dumps({"number": 0, "lost": f"stopped{odd}here"}, ensure_ascii=False)
    (found,) = run_witnesses([WitnessJob("")], Canned(f"{line}\n"), 1)
    assert found.reason == f"stopped{odd}here"
