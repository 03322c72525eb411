"""What an experiment hands over, typed, and its JSON."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.lab.values import Where, format_value

Scalar = float | int | str | bool | None

FEW_ENOUGH = 12
"""Seeds that a reader takes in one by one."""


@dataclass(frozen=True, slots=True)
class Value:
    value: Scalar
    """None where the program handed over something that is not finite."""
    unit: str = ""
    runs: tuple[float, ...] = ()
    """The values of single seeds, where the program declared them."""

    def text(self, where: Where = "prose") -> str:
        return format_value(self.value, self.unit, where)

    def seeds(self) -> str:
        """The values of single seeds in the words of the prompts: all of a few, of many how they lie. Empty where
        none were declared."""
        if not self.runs:
            return ""
        if len(self.runs) <= FEW_ENOUGH:
            return "、".join(format_value(run) for run in self.runs)
        quarters = statistics.quantiles(self.runs, n=4, method="inclusive")
        ends = (min(self.runs), *quarters, max(self.runs))
        words = ("最小", "下四分位", "中位", "上四分位", "最大")
        said = "，".join(f"{w} {format_value(v)}" for w, v in zip(words, ends, strict=True))
        return f"{len(self.runs)} 个，{said}"


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]

    def markdown(self) -> str:
        """The table as Markdown; a bar inside a cell is escaped."""
        lines = [self.columns, ("---",) * len(self.columns)]
        lines += [
            tuple(cell if isinstance(cell, str) else format_value(cell) for cell in row) for row in self.rows
        ]
        return "\n".join(
            "| " + " | ".join(c.replace("|", r"\|").replace("\n", " ") for c in r) + " |" for r in lines
        )

    def to_json(self) -> dict[str, Any]:
        return {"columns": list(self.columns), "rows": [list(row) for row in self.rows]}


@dataclass(frozen=True, slots=True)
class Figure:
    png: bytes
    width: int
    height: int
    """Pixels."""
    about: str = ""
    """Title or name of the vertical axis, where the program gave one."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.png).hexdigest()

    def to_json(self) -> dict[str, Any]:
        size = {"width": self.width, "height": self.height, "bytes": len(self.png)}
        return {**size, "sha256": self.sha256, "about": self.about}


@dataclass(frozen=True, slots=True)
class Sweep:
    """A declared search: settings, one score (or one row of seeds) each."""

    name: str
    grid: tuple[Any, ...]
    scores: tuple[Any, ...]
    better: str
    method: str
    best: int
    """Index into ``grid``."""


@dataclass(frozen=True, slots=True)
class Correlation:
    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EarnedWarning:
    """Something a careful reader would object to, found in what the experiment did."""

    rule: str
    """grid-edge, uneven-sweep, one-seed-mean, clustered-correlation, few-seeds, not-finite, time-scaled, figure."""
    message: str
    """For the writer and the report, in Chinese."""
    certain: bool = True
    """False where it was guessed from the code or a table, not declared by the program."""

    def to_json(self) -> dict[str, Any]:
        return {"rule": self.rule, "message": self.message, "certain": self.certain}


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """One experiment's run. ``ok`` is False for anything but a program that came to its own good end."""

    file: str
    ok: bool
    exit: int
    seconds: float
    """Wall-clock seconds of the run that produced this, also when it comes from the cache."""
    stdout: str
    values: Mapping[str, Value] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    error: str = ""
    """The program's own traceback, or why nothing ran; "" when ok."""
    killed_by: str = ""
    """The limit that ended it: time, memory, disk, output, signal, or ""."""
    warnings: tuple[EarnedWarning, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    cached: bool = False
    key: str = ""
    """Hash of code and tools that the result is bound to."""

    def to_json(self) -> dict[str, Any]:
        """The public record; figures appear by size and hash, their bytes stay in the object."""
        return {
            "file": self.file,
            "ok": self.ok,
            "exit": self.exit,
            "seconds": round(self.seconds, 3),
            "stdout": self.stdout,
            "values": {name: value.value for name, value in self.values.items()},
            "units": {name: value.unit for name, value in self.values.items() if value.unit},
            "runs": {name: list(value.runs) for name, value in self.values.items() if value.runs},
            "tables": {name: table.to_json() for name, table in self.tables.items()},
            "figures": {name: figure.to_json() for name, figure in self.figures.items()},
            "error": self.error,
            "killed_by": self.killed_by,
            "warnings": [warning.to_json() for warning in self.warnings],
        }
