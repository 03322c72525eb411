"""Experiments run for real, in the sandbox, and come back typed."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from agent.lab import Limits, Outcome, Sandbox, run_experiment
from agent.lab.experiment import read_outcome


def test_values_tables_and_figures_come_back_typed(sandbox: Sandbox) -> None:
    code = """
import numpy as np
import matplotlib.pyplot as plt
rng = np.random.default_rng()
x = rng.normal(size=5)
emit("loss", x.sum(), "秒")
emit("count", np.int64(3))
emit("acc", runs=[0.5, 0.75, 1.0])
table("rows", ["步", "值"], np.array([[1, 0.5], [2, 0.25]]))
plt.plot(x, label="损失"); plt.legend()
figure("curve")
print("完成", x[0])
"""
    first = run_experiment(code, id="exp1", sandbox=sandbox)
    assert first.ok, first.error
    assert first.values["count"].value == 3
    assert first.values["acc"].value == 0.75
    assert first.values["acc"].runs == (0.5, 0.75, 1.0)
    assert first.tables["rows"].markdown().splitlines()[2] == "| 1 | 0.5 |"
    assert first.figures["curve"].width > 100
    assert "Glyph" not in first.stdout + first.error
    again = run_experiment(code, id="exp1", sandbox=sandbox)
    assert again.stdout == first.stdout
    assert again.figures["curve"].sha256 == first.figures["curve"].sha256
    keys = {"file", "ok", "exit", "seconds", "stdout", "values", "tables", "figures", "error", "killed_by"}
    assert keys <= set(json.loads(json.dumps(first.to_json())))


def test_failure_shows_the_programs_own_traceback(sandbox: Sandbox) -> None:
    result = run_experiment("emit('a', 1)\ndef f(x):\n    return 1 / x\nf(0)\n", id="bad", sandbox=sandbox)
    assert not result.ok
    assert result.values["a"].value == 1
    assert 'File "bad.py", line 3, in f\n    return 1 / x' in result.error
    assert "inside" not in result.error


def test_time_limit_is_named(sandbox: Sandbox) -> None:
    result = run_experiment("emit('a', 1)\nwhile True: pass", id="x", sandbox=sandbox, limits=Limits(wall=3))
    assert (result.ok, result.killed_by) == (False, "time")
    assert result.values["a"].value == 1


def test_good_results_come_from_the_cache_and_failures_do_not(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "import time\nemit('t', time.time())"
    first = run_experiment(code, id="a", sandbox=sandbox, cache=tmp_path)
    second = run_experiment(code, id="b", sandbox=sandbox, cache=tmp_path)
    assert not first.cached
    assert second.cached
    assert second.values == first.values
    assert second.file == "b"
    failing = "import time\nraise SystemExit(str(time.time()))"
    assert not run_experiment(failing, id="c", sandbox=sandbox, cache=tmp_path).cached
    assert not run_experiment(failing, id="c", sandbox=sandbox, cache=tmp_path).cached


def results(*lines: dict[str, object], **files: bytes) -> Outcome:
    """What a program left that wrote its results file itself."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    return Outcome("", "", 0, 0.1, files={"_results.jsonl": text.encode(), **files})


PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 3, 2) + b"\0" * 20 + b"payload"


@pytest.mark.parametrize(
    "name", ["../../ESCAPED", "/tmp/x", "a/b", "..", "", "甲", "a-b", "a\n", 7, None, ["a"]]
)
def test_a_name_the_recorder_would_refuse_is_taken_in_no_kind(name: object) -> None:
    forged = results(
        {"kind": "value", "name": name, "value": 1, "unit": ""},
        {"kind": "table", "name": name, "columns": ["a"], "rows": [[1]]},
        {"kind": "figure", "name": name, "file": "x.png", "about": []},
        {"kind": "sweep", "name": name, "grid": [1], "scores": [1], "better": "min", "method": "", "best": 0},
        {"kind": "correlation", "name": name, "x": [1], "y": [1]},
        {"kind": "value", "name": "honest", "value": 2, "unit": ""},
        {"kind": "value", "value": 3, "unit": ""},
        **{"x.png": PNG, "../../ESCAPED.png": PNG, "a/b.png": PNG, "甲.png": PNG, "a-b.png": PNG},
    )
    found = read_outcome(forged, "exp1")
    assert list(found.values) == ["honest"]
    assert not found.tables
    assert set(found.figures) == {"x"}, "what was saved under a plain name is a figure all the same"
    assert not found.sweeps
    assert not found.correlations


def test_a_forged_figure_writes_nothing_outside_the_cache(sandbox: Sandbox, tmp_path: Path) -> None:
    line = json.dumps({"kind": "figure", "name": "../../ESCAPED", "file": "x.png", "about": []})
    code = f"open('x.png', 'wb').write({PNG!r})\nopen('_results.jsonl', 'a').write({line!r} + chr(10))\n"
    cache = tmp_path / "a" / "b" / "cache"
    result = run_experiment(code, id="exp1", sandbox=sandbox, cache=cache)
    assert result.ok, result.error
    assert list(result.figures) == ["x"]
    assert not list(tmp_path.rglob("*ESCAPED*"))
