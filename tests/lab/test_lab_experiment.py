"""Experiments run for real, in the sandbox, and come back typed."""

from __future__ import annotations

import json
from pathlib import Path

from agent.lab import Limits, Sandbox, run_experiment


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
    result = run_experiment(
        "emit('a', 1)\nwhile True: pass", id="x", sandbox=sandbox, limits=Limits(wall=0.5)
    )
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
