"""Bound values: placeholders such as ``{{exp1.loss}}`` replaced by what the experiment gave.

A placeholder is one only where its first part is an experiment of the article: LaTeX has ``{{`` of its own. Where the
experiment did not run, 未运行 stands for its outputs, and its program is a listing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agent.article import read
from agent.pipeline.evidence import Run
from agent.records import EXPERIMENT_ID

EXPERIMENT = re.compile(EXPERIMENT_ID)
"""IDs that can only be meant for an experiment; other names between double braces may be LaTeX's."""
PLACEHOLDER = re.compile(r"\{\{ *([A-Za-z][A-Za-z0-9_]*)\.([A-Za-z0-9_:]+) *\}\}")
BEHIND = re.compile(rf"\$({PLACEHOLDER.pattern})")
PROGRAM = re.compile(r"^(```python )experiment( +id=(\S+)[ \t]*\n)(.*?)(?=^```[ \t]*$)", re.S | re.M)
NOT_RUN = "（未运行）"
CODE = ("fence", "indented", "raw")


@dataclass(frozen=True, slots=True)
class Binding:
    """One value, table or figure in the text, and the output it came from."""

    region: str
    occurrence: int
    """Its place in the order of the region's bound outputs, from 0."""
    experiment: str
    name: str
    text: str
    """What was written."""


@dataclass(frozen=True, slots=True)
class Bound:
    text: str
    bindings: tuple[Binding, ...] = ()
    unknown: tuple[str, ...] = field(default=())
    """Placeholders of an experiment that has no such output."""


def bind(text: str, region: str, runs: Mapping[str, Run], slug: str, not_run: Collection[str] = ()) -> Bound:
    """Replace the placeholders of one region. Unknown ones stay as they are and are listed.

    ``not_run``: experiments that gave nothing; 未运行 stands where their outputs are cited.
    """
    text = PROGRAM.sub(lambda m: _as_listing(m, runs), text)
    text = _drawn_in(text, region, runs)
    article = read(text.encode("utf-8"), region)
    math = [(s.start, s.stop) for s in article.spans if s.kind in ("display", "inline")]
    code = [(s.start, s.stop) for s in article.spans if s.kind in CODE]
    made: list[Binding] = []
    unknown: list[str] = []

    def replace(match: re.Match[str]) -> str:
        id, name = match[1], match[2]
        if (id not in runs and id not in not_run) or _inside(match.start(), code):
            return match[0]
        where: Literal["prose", "math"] = "math" if _inside(match.start(), math) else "prose"
        value = _output(runs[id], name, where, slug) if id in runs else _absent(where)
        if value is None:
            unknown.append(match[0])
            return match[0]
        made.append(Binding(region, len(made), id, name, value))
        return value

    bound = PLACEHOLDER.sub(replace, text)
    return Bound(bound, tuple(made), tuple(unknown))


def unbound(text: str) -> tuple[str, ...]:
    """Placeholders of experiments that still stand in a text, outside its code."""
    article = read(text.encode("utf-8"), "section")
    code = [(s.start, s.stop) for s in article.spans if s.kind in (*CODE, "code")]
    return tuple(
        m[0]
        for m in PLACEHOLDER.finditer(text)
        if EXPERIMENT.fullmatch(m[1]) and not _inside(m.start(), code)
    )


def cited(text: str, experiments: Collection[str]) -> tuple[str, ...]:
    """Those of some experiments whose outputs a text cites, in order."""
    return tuple(dict.fromkeys(m[1] for m in PLACEHOLDER.finditer(text) if m[1] in experiments))


def _drawn_in(text: str, region: str, runs: Mapping[str, Run]) -> str:
    """Numbers that stand right behind inline mathematics (``$t=${{exp1.t}}``) brought into it: a dollar sign before a
    digit closes nothing."""
    if not BEHIND.search(text):
        return text
    article = read(text.encode("utf-8"), region)
    ends = {s.stop for s in article.spans if s.kind == "inline" and text[s.stop - 1] == "$"}

    def moved(match: re.Match[str]) -> str:
        run = runs.get(match[2])
        number = run is not None and isinstance(run.values.get(match[3]), int | float)
        return f"{match[1]}$" if number and match.start() + 1 in ends else match[0]

    return BEHIND.sub(moved, text)


def _as_listing(program: re.Match[str], runs: Mapping[str, Run]) -> str:
    """A program is shown as one that ran only where this very code did."""
    run = runs.get(program[3])
    ran = run is not None and run.code.strip() == program[4].strip()
    return program[0] if ran else f"{program[1]}listing{program[2]}{program[4]}"


def _absent(where: Literal["prose", "math"]) -> str:
    return rf"\text{{{NOT_RUN}}}" if where == "math" else NOT_RUN


def _inside(position: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= position < stop for start, stop in spans)


def _output(run: Run, name: str, where: Any, slug: str) -> str | None:
    from agent.lab import format_value

    kind, _, key = name.partition(":")
    if kind == "figure":
        alt = re.sub(r"[\\\[\]<>`$]", "", run.captions.get(key, "")).strip() or key
        return f"![{alt}](assets/{slug}/{run.figure_file(key)})" if key in run.figures else None
    if kind == "table":
        return run.tables.get(key) if key else next(iter(run.tables.values()), None)
    if name not in run.values:
        return None
    unit = run.units.get(name, "")
    if unit[:1] >= "\u2e80":
        # A Chinese measure word follows its number without a space.
        return format_value(run.values[name], "", where) + (unit if where == "prose" else rf"\text{{{unit}}}")
    return format_value(run.values[name], unit, where)


def unknown_outputs(
    text: str, runs: Mapping[str, Run], failures: Mapping[str, str]
) -> list[tuple[int, str, str]]:
    """(line, placeholder, what is wrong) where an experiment is cited for something it did not give."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for match in PLACEHOLDER.finditer(line):
            run = runs.get(match[1])
            if run is None and match[1] in failures:
                found.append((number, match[0], f"程序没有跑成：{_last(failures[match[1]])}"))
            elif run is None and EXPERIMENT.fullmatch(match[1]):
                found.append(
                    (number, match[0], "没有这个实验；程序写成 python experiment id=… 代码块才会运行")
                )
            elif run is not None and _output(run, match[2], "prose", "") is None:
                found.append((number, match[0], "这个实验没有交出它"))
    return found


def _last(error: str) -> str:
    return (error.strip().splitlines() or ["没有正常结束"])[-1]


def folded(run: Run) -> str:
    """Code and output of an experiment, folded, for the end of its part."""
    shown = "\n".join(
        x for x in (run.prompt.numbers.strip("\n"), run.prompt.printed.rstrip("\n")) if x.strip()
    )
    output = f"\n\n输出：\n\n```text\n{shown}\n```" if shown.strip() else ""
    return (
        f"<details><summary>{run.id} 的程序与输出（运行过，{len(run.code.splitlines())} 行）</summary>\n\n"
        f"```python experiment id={run.id}\n{run.code.strip()}\n```{output}\n\n</details>"
    )
