"""Warnings that experiments earn: each rule on a case that earns it and on a near one that does not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.lab import ExperimentResult, Sandbox, Table, Value, run_experiment
from agent.lab.clusters import carried_by_clusters, pearson
from agent.lab.earned import earned_warnings, one_carries
from agent.lab.results import Correlation, Sweep


def earned(code: str = "", **parts: object) -> list[tuple[str, bool]]:
    result = ExperimentResult("x", True, 0, 0.0, "", **parts)  # type: ignore[arg-type]
    return [(w.rule, w.certain) for w in earned_warnings(code, result, [])]


def sweep(grid: list[object], best: int, method: str = "", scores: list[object] | None = None) -> Sweep:
    return Sweep("lr", tuple(grid), tuple(scores or [0.0] * len(grid)), "min", method, best)


@pytest.mark.parametrize(
    ("grid", "best", "earns"),
    [
        ([0.1, 1, 10], 0, True),
        ([0.1, 1, 10], 2, True),
        ([10, 0.1, 1], 2, False),
        ([0.1, 1, 10], 1, False),
        (["adam", "sgd"], 0, False),
        ([0.1], 0, False),
        ([[0.1, 5], [1, 5], [10, 5]], 1, False),
        ([[1, 2], [1, 3], [2, 2], [2, 3]], 0, True),
    ],
)
def test_best_on_the_edge_of_the_grid(grid: list[object], best: int, earns: bool) -> None:
    assert (("grid-edge", True) in earned(sweeps=(sweep(grid, best),))) is earns


def test_one_method_swept_more_finely() -> None:
    fine, coarse = sweep([1, 2, 3, 4, 5], 2, "ours"), sweep([1, 2, 3], 1, "theirs")
    assert earned(sweeps=(fine, coarse)) == [("uneven-sweep", True)]
    assert earned(sweeps=(coarse, sweep([2, 4, 6], 1, "ours"))) == []


def test_mean_carried_by_one_seed() -> None:
    assert earned(values={"gap": Value(2.6, runs=(0.1, 0.12, 0.11, 0.09, 12.6))}) == [("one-seed-mean", True)]
    assert earned(values={"gap": Value(0.1, runs=(0.1, 0.12, 0.11, 0.09, 0.13))}) == []


def test_few_seeds_and_values_that_are_not_finite() -> None:
    assert earned(values={"a": Value(1.0, runs=(1.0, 1.1))}) == [("few-seeds", True)]
    assert earned(values={"a": Value(None)}) == [("not-finite", True)]
    rows = sweep([1, 2, 3], 1, scores=[[1, 2], [0, 1], [1, 1]])
    assert earned(sweeps=(rows,)) == [("few-seeds", True)]


def test_correlation_carried_by_clusters() -> None:
    chance = random.Random(1)
    x = [c + chance.gauss(0, 0.1) for c in (0, 5) for _ in range(20)]
    y = [c + chance.gauss(0, 0.1) for c in (0, 3) for _ in range(20)]
    labels = tuple("ab"[i // 20] for i in range(40))
    assert earned(correlations=(Correlation("r", tuple(x), tuple(y), labels),)) == [
        ("clustered-correlation", True)
    ]
    assert earned(correlations=(Correlation("r", tuple(x), tuple(y)),)) == [("clustered-correlation", False)]
    line = tuple(float(i) for i in range(40))
    tied = tuple(v + chance.gauss(0, 1) for v in line)
    assert earned(correlations=(Correlation("r", line, tied, labels),)) == []
    assert earned(correlations=(Correlation("r", line, tied),)) == []


def test_table_that_looks_like_a_search() -> None:
    table = Table((r"学习率 $\eta$", "最终损失"), ((0.1, 3.0), (0.2, 2.0), (0.4, 1.0), (0.8, 0.5)))
    assert earned(tables={"t": table}) == [("grid-edge", False)]
    turned = Table(("学习率", "最终损失"), ((0.1, 3.0), (0.2, 2.0), (0.4, 1.0), (0.8, 1.5)))
    assert earned(tables={"t": turned}) == []
    steps = Table(("步数", "误差"), ((1, 3.0), (2, 2.0), (4, 1.0), (8, 0.5)))
    assert earned(tables={"t": steps}) == []


@pytest.mark.parametrize(
    ("code", "earns"),
    [
        ("rng = np.random.default_rng(0)\nx = rng.normal(size=9)", True),
        ("reps = 2\nrng = np.random.default_rng(0)", True),
        ("beta, reps = 0.9, 40\nrng = np.random.default_rng(0)", False),
        ("for seed in range(5): rng = np.random.default_rng(seed)", False),
        ("x = [run(np.random.default_rng(s)) for s in seeds]\nseeds = (0, 1, 2)", False),
        ("x = [rng.random() for _ in range(20)]", False),
        ("x = np.linspace(0, 1, 5)", False),
        ("x = (", False),
    ],
)
def test_seeds_are_counted_in_the_source(code: str, earns: bool) -> None:
    assert (("few-seeds", False) in earned(code)) is earns


@settings(max_examples=200)
@given(st.lists(st.floats(-1e6, 1e6), max_size=12))
def test_equal_or_few_runs_never_accuse_a_seed(runs: list[float]) -> None:
    index = one_carries(runs)
    if index is not None:
        rest = runs[:index] + runs[index + 1 :]
        assert len(rest) >= 2
        assert min(rest) > runs[index] or max(rest) < runs[index]
    assert one_carries([3.5] * len(runs)) is None


@settings(max_examples=100)
@given(st.integers(0, 10_000), st.floats(0.05, 0.5))
def test_an_even_line_is_no_cluster(seed: int, noise: float) -> None:
    chance = random.Random(seed)
    x = [i / 30 for i in range(30)]
    y = [v + chance.gauss(0, noise * 0.2) for v in x]
    assert abs(pearson(x, y)) > 0.5
    assert carried_by_clusters(x, y) is None


def test_what_a_program_declares_arrives(sandbox: Sandbox) -> None:
    code = """
import numpy as np
best = sweep("lr", [0.1, 1.0, 10.0], [[3, 3, 3], [2, 2, 2], [1, 1, 1]], method="ours")
emit("best", best)
sweep("lr", np.array([0.1, 1.0]), [1.0, 2.0], better="max", method="theirs")
emit("acc", runs=np.array([0.5, 0.6]))
g = [0] * 10 + [1] * 10
x = np.array(g) * 9 + np.tile(np.arange(10), 2) / 10
y = np.array(g) * 9 - np.tile(np.arange(10), 2) / 10
emit("r", correlate("r", x, y, groups=g))
np.corrcoef(x, y)
"""
    result = run_experiment(code, id="exp", sandbox=sandbox)
    assert result.ok, result.error
    assert result.values["best"].value == 10.0
    rules = [(w.rule, w.certain) for w in result.warnings]
    assert rules.count(("grid-edge", True)) == 2
    assert ("uneven-sweep", True) in rules
    assert ("few-seeds", True) in rules
    assert ("clustered-correlation", True) in rules
    assert ("clustered-correlation", False) in rules


@pytest.mark.parametrize(
    "call",
    [
        'emit("a b", 1)',
        'emit("a")',
        'emit("a", [1, 2])',
        'emit("a", runs=[])',
        'table("t", ["x"], [[1, 2]])',
        'figure("f")',
        'sweep("s", [1, 2], [1])',
        'sweep("s", [1], [float("nan")])',
        'correlate("c", [1, 2], [1, 2])',
    ],
)
def test_wrong_calls_fail_at_the_call(sandbox: Sandbox, call: str) -> None:
    result = run_experiment(call, id="exp", sandbox=sandbox)
    assert not result.ok
    assert call in result.error
