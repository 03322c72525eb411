"""Warnings that experiments earn: what a careful reader would object to before reading the prose.

They come from what a program declares (``sweep``, ``emit(…, runs=…)``, ``correlate``) and, marked as less than
certain, from its tables and its source.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from agent.lab.clusters import carried_by_clusters
from agent.lab.results import EarnedWarning, ExperimentResult, Sweep, Table, Value
from agent.lab.values import format_value

FEW = 3
"""Seeds below which a mean says nothing about spread."""
T_995 = {1: 63.7, 2: 9.92, 3: 5.84, 4: 4.60, 5: 4.03, 6: 3.71, 7: 3.50, 8: 3.36, 9: 3.25}
"""Two-sided 1 % points of Student's t by degrees of freedom; 3.25 serves beyond nine."""
TUNABLE = re.compile(
    r"\blr\b|learning.?rate|学习率|步长|\\(?:eta|gamma|lambda|alpha|beta|tau)\b|温度|阈值|正则|衰减|批大小|batch|动量",
    re.I,
)
LOW_IS_GOOD = re.compile(r"loss|\berr|error|损失|误差|错误率|困惑度|遗憾|regret|perplexity", re.I)
HIGH_IS_GOOD = re.compile(r"\bacc|accuracy|准确率|正确率|精度|得分|score|\bR\^?2\b", re.I)
REPEATED = re.compile(r"(?:n_?)?(?:seeds?|reps?|repeats?|repetitions|runs?|trials?|restarts?)(?:_?n)?", re.I)
UNNAMED = re.compile(r"figure (\w+): no name on the (x|y|x and y) axis")
RANDOM = frozenset(("default_rng", "RandomState", "manual_seed", "random", "randn", "rand", "random_state"))


def earned_warnings(code: str, result: ExperimentResult, notes: Sequence[str]) -> tuple[EarnedWarning, ...]:
    """All warnings of a run, the certain ones first."""
    found = [
        *(w for sweep in result.sweeps for w in _edge(sweep)),
        *_uneven(result.sweeps),
        *(w for name, value in result.values.items() for w in _value(name, value)),
        *_correlations(result),
        *(w for name, table in result.tables.items() for w in _table(name, table)),
        *_seeds_in_code(code, result),
        *map(_note, notes),
    ]
    unique = list(dict.fromkeys(found))
    return tuple(sorted(unique, key=lambda w: not w.certain))


def _note(note: str) -> EarnedWarning:
    """What the runner noticed by itself, in the words of the report."""
    if "time limit" in note:
        return EarnedWarning(
            "time-scaled", "实验的规模随时限伸缩，换一台机器数值会不同，正文应说明", certain=False
        )
    if "Chinese" in note:
        # nothing the program could mend
        return EarnedWarning("figure", "这台机器没有中文字体，图里的汉字会是空框", certain=False)
    axes = UNNAMED.fullmatch(note)
    if axes is not None:
        side = axes[2].replace("x", "横轴").replace("y", "纵轴").replace(" and ", "和")
        return EarnedWarning("figure", f"图 {axes[1]} 的{side}没有名称，应写明画的是什么量、什么单位")
    return EarnedWarning("figure", "有画好的图没有用 figure() 交出")


def _edge(sweep: Sweep) -> Iterator[EarnedWarning]:
    """The best setting lies on the edge of what was tried, so the optimum may lie beyond."""
    best = sweep.grid[sweep.best]
    who = f"{sweep.name}（{sweep.method}）" if sweep.method else sweep.name
    for axis, values in enumerate(_axes(sweep.grid)):
        numbers = sorted(set(values))
        here = best[axis] if isinstance(best, list | tuple) else best
        if len(numbers) > 1 and here in (numbers[0], numbers[-1]):
            side = "下" if here == numbers[0] else "上"
            which = f"第 {axis + 1} 个参数" if isinstance(best, list | tuple) else "参数"
            yield EarnedWarning(
                "grid-edge",
                f"{who}：最优{which} {format_value(here)} 在扫描范围的{side}边界上，真正的最优可能在范围之外，应加宽再跑",
            )
    rows = [score for score in sweep.scores if isinstance(score, list | tuple)]
    if rows and min(map(len, rows)) < FEW:
        yield EarnedWarning("few-seeds", f"{who}：扫描的每一档只有 {min(map(len, rows))} 个种子")


def _axes(grid: Sequence[Any]) -> list[list[float]]:
    """Numeric coordinates of a grid; settings that are words have no edge."""
    rows = [tuple(item) if isinstance(item, list | tuple) else (item,) for item in grid]
    if len({len(row) for row in rows}) != 1:
        return []
    columns = zip(*rows, strict=True)
    return [list(c) if all(isinstance(v, int | float) for v in c) else [] for c in columns]


def _uneven(sweeps: Sequence[Sweep]) -> Iterator[EarnedWarning]:
    """One method was given more tries than another."""
    for name in dict.fromkeys(sweep.name for sweep in sweeps):
        sizes = {sweep.method or "?": len(sweep.grid) for sweep in sweeps if sweep.name == name}
        if len(sizes) > 1 and max(sizes.values()) > min(sizes.values()):
            said = "、".join(f"{method} {count} 档" for method, count in sizes.items())
            yield EarnedWarning(
                "uneven-sweep", f"{name}：各方法扫描的档数不同（{said}），比较偏向调得更细的一方"
            )


def _value(name: str, value: Value) -> Iterator[EarnedWarning]:
    if value.value is None:
        yield EarnedWarning("not-finite", f"{name} 不是有限的数")
    if value.runs and len(value.runs) < FEW:
        yield EarnedWarning("few-seeds", f"{name} 只有 {len(value.runs)} 个种子，不足以谈平均")
    index = one_carries(value.runs)
    if index is not None:
        rest = [run for place, run in enumerate(value.runs) if place != index]
        yield EarnedWarning(
            "one-seed-mean",
            f"{name} 的平均 {format_value(math.fsum(value.runs) / len(value.runs))} 由第 {index + 1} 个种子的 "
            f"{format_value(value.runs[index])} 撑起，去掉它是 {format_value(math.fsum(rest) / len(rest))}",
        )


def one_carries(runs: Sequence[float]) -> int | None:
    """Index of the one run that carries the mean, or None.

    It must lie outside the 99 % prediction interval of the others (Student's t) and move the mean by a tenth.
    """
    size = max(map(abs, runs), default=0.0)
    if size < 1e-150:
        # squares of such numbers vanish
        return None
    for index, run in enumerate(runs):
        rest = [value for place, value in enumerate(runs) if place != index]
        if len(rest) < 2:
            return None
        mean = math.fsum(rest) / len(rest)
        spread = math.sqrt(math.fsum((value - mean) ** 2 for value in rest) / (len(rest) - 1))
        reach = T_995.get(len(rest) - 1, 3.25) * spread * math.sqrt(1 + 1 / len(rest))
        moved = abs(math.fsum(runs) / len(runs) - mean)
        if abs(run - mean) > reach + 1e-9 * size and moved > 0.1 * abs(mean):
            return index
    return None


def _correlations(result: ExperimentResult) -> Iterator[EarnedWarning]:
    for found in result.correlations:
        within = carried_by_clusters(found.x, found.y, found.groups)
        if within is not None:
            whole, inside = within
            yield EarnedWarning(
                "clustered-correlation",
                f"{found.name}：总相关系数 {format_value(whole)} 由几团点撑起，团内只有 {format_value(inside)}",
                certain=bool(found.groups),
            )


def _table(name: str, table: Table) -> Iterator[EarnedWarning]:
    """A table that looks like a search whose best row is the first or the last."""
    if len(table.rows) < 4 or not table.columns or not TUNABLE.search(table.columns[0]):
        return
    grid = [row[0] for row in table.rows]
    if not _rises(grid) and not _rises(grid[::-1]):
        return
    for place, head in enumerate(table.columns[1:], 1):
        low, high = bool(LOW_IS_GOOD.search(head)), bool(HIGH_IS_GOOD.search(head))
        scores = [row[place] for row in table.rows]
        numbers = [score for score in scores if isinstance(score, int | float)]
        if low == high or len(numbers) != len(scores) or len(set(numbers)) == 1:
            continue
        best = numbers.index(min(numbers) if low else max(numbers))
        if best in (0, len(numbers) - 1):
            yield EarnedWarning(
                "grid-edge",
                f"表 {name}：“{head}”最好的一行 {table.columns[0]} = {format_value(grid[best])} 在表的边上，也许该加宽再跑",
                certain=False,
            )


def _rises(values: Sequence[Any]) -> bool:
    return all(
        isinstance(a, int | float) and isinstance(b, int | float) and a < b
        for a, b in itertools.pairwise(values)
    )


def _seeds_in_code(code: str, result: ExperimentResult) -> Iterator[EarnedWarning]:
    """Randomness without a sign of repetition. Declared runs speak for themselves."""
    declared = any(value.runs for value in result.values.values())
    declared |= any(isinstance(score, list | tuple) for sweep in result.sweeps for score in sweep.scores)
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return
    if declared or not _uses_chance(tree):
        return
    counts = repetitions(tree)
    if not counts:
        yield EarnedWarning("few-seeds", "程序用了随机数，但看不出重复过几个种子", certain=False)
    elif max(counts) < FEW:
        yield EarnedWarning("few-seeds", f"程序看来只重复了 {max(counts)} 个种子", certain=False)


def _uses_chance(tree: ast.AST) -> bool:
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    return bool(names & RANDOM)


def repetitions(tree: ast.AST) -> list[int]:
    """How often names such as ``seeds`` or ``reps`` say that something is repeated."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs += zip(target.elts, node.value.elts, strict=False)
                else:
                    pairs.append((target, node.value))
        elif isinstance(node, ast.For | ast.comprehension):
            pairs.append((node.target, node.iter))
    sizes = [_size(value) for target, value in pairs if _counts_runs(target)]
    # ``[f(seed=s) for _ in range(20)]``: a loop whose variable is thrown away repeats something
    sizes += [
        _size(node.iter)
        for node in ast.walk(tree)
        if isinstance(node, ast.comprehension) and isinstance(node.target, ast.Name) and node.target.id == "_"
    ]
    return [size for size in sizes if size]


def _counts_runs(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and bool(REPEATED.fullmatch(target.id))


def _size(value: ast.expr) -> int:
    if isinstance(value, ast.Constant) and isinstance(value.value, int):
        return value.value
    if isinstance(value, ast.List | ast.Tuple):
        return len(value.elts)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "range":
        ends = [
            arg.value for arg in value.args if isinstance(arg, ast.Constant) and isinstance(arg.value, int)
        ]
        if len(ends) == len(value.args):
            return len(range(*ends))
    return 0
