"""Runs experiments: generated programs whose output an article shows."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.errors import SandboxUnavailable, UsageError
from agent.lab import cache as store
from agent.lab.fonts import font_list
from agent.lab.inside.experiment import NAME
from agent.lab.results import Correlation, ExperimentResult, Figure, Sweep, Table, Value
from agent.lab.sandbox import DEFAULT_LIMITS, NOT_RUN, Limits, Outcome, Sandbox, open_sandbox
from agent.lab.sandbox.system import python_argv

BOOT = "from inside.experiment import entry; entry()"
RESULTS = "_results.jsonl"
PROGRAM = "_program.py"


def run_experiment(
    code: str, *, id: str, sandbox: Sandbox, limits: Limits = DEFAULT_LIMITS, cache: Path | None = None
) -> ExperimentResult:
    """Run ``code`` once, or take its earlier result from ``cache``.

    Only runs that came to a good end are cached: a time-out says as much about the machine as about the code.
    Raises SandboxUnavailable where the confinement breaks down.
    """
    from agent.lab.earned import earned_warnings

    key = store.key(code)
    if cache is not None:
        known = store.load(cache, key, id)
        if known is not None:
            return known
    shown = f"{id}.py" if not id.endswith(".py") else id
    files = {PROGRAM: code.encode()}
    if cache is not None and "matplotlib" in code:
        files |= font_list(sandbox, cache, hashlib.sha256(store.tools().encode()).hexdigest()[:12])
    outcome = sandbox.run(python_argv(BOOT, PROGRAM, shown, f"{limits.wall:g}"), files=files, limits=limits)
    result = read_outcome(outcome, shown if id.endswith(".py") else id, key)
    warnings = earned_warnings(code, result, notes(outcome))
    result = _with(result, warnings=warnings)
    if cache is not None and result.ok:
        store.save(cache, result)
    return result


def read_outcome(outcome: Outcome, file: str, key: str = "") -> ExperimentResult:
    """The typed result of a run. Lines that are not ours are left out: the program can write there too."""
    values: dict[str, Value] = {}
    tables: dict[str, Table] = {}
    figures: dict[str, Figure] = {}
    sweeps: list[Sweep] = []
    correlations: list[Correlation] = []
    for line in lines(outcome):
        name = line.get("name")
        # Names become parts of file names and of placeholders: what the recorder refuses is not its own.
        if not isinstance(name, str) or not NAME.fullmatch(name):
            continue
        try:
            match line["kind"]:
                case "value":
                    values[name] = read_value(line)
                case "table":
                    tables[name] = read_table(line)
                case "figure" if figure := read_figure(line, outcome.files):
                    figures[name] = figure
                case "sweep":
                    sweeps.append(read_sweep(name, line))
                case "correlation":
                    correlations.append(read_correlation(name, line))
        except (KeyError, TypeError, ValueError):
            continue
    for name, saved in saved_figures(outcome).items():
        figures.setdefault(name, saved)
    error = "" if outcome.ok else failure(outcome)
    killed_by: str = outcome.killed_by
    if not killed_by and not outcome.ok and "MemoryError" in error.splitlines()[-1:][0]:
        killed_by = "memory"
    return ExperimentResult(
        file=file,
        ok=outcome.ok,
        exit=outcome.exit,
        seconds=outcome.seconds,
        stdout=outcome.stdout + ("\n…（输出过长，已截断）" if outcome.truncated else ""),
        values=values,
        tables=tables,
        figures=figures,
        error=error,
        killed_by=killed_by,
        sweeps=tuple(sweeps),
        correlations=tuple(correlations),
        key=key,
    )


def read_value(line: Mapping[str, Any]) -> Value:
    return Value(_scalar(line["value"]), str(line["unit"]), tuple(line.get("runs") or ()))


def read_table(line: Mapping[str, Any]) -> Table:
    return Table(tuple(line["columns"]), tuple(tuple(map(_scalar, row)) for row in line["rows"]))


def read_figure(line: Mapping[str, Any], files: Mapping[str, bytes]) -> Figure | None:
    figure = read_png(files.get(str(line["file"]), b""))
    about = " ".join(str((line["about"] or [""])[0]).split())
    return figure and replace(figure, about=about)


def read_sweep(name: str, line: Mapping[str, Any]) -> Sweep:
    grid, scores = tuple(line["grid"]), tuple(line["scores"])
    return Sweep(name, grid, scores, str(line["better"]), str(line["method"]), int(line["best"]))


def read_correlation(name: str, line: Mapping[str, Any]) -> Correlation:
    return Correlation(name, tuple(line["x"]), tuple(line["y"]), tuple(line.get("groups") or ()))


def saved_figures(outcome: Outcome) -> dict[str, Figure]:
    """What the program drew with plt.savefig itself: figures all the same, where their names can be cited."""
    found = {}
    for path, data in outcome.files.items():
        name = path.removesuffix(".png")
        figure = read_png(data) if name != path and NAME.fullmatch(name) else None
        if figure is not None:
            found[name] = figure
    return found


def lines(outcome: Outcome) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    # Not splitlines(): results may hold U+2028 and its like, which JSON leaves as they are.
    for text in outcome.files.get(RESULTS, b"").decode("utf-8", "replace").split("\n"):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "kind" in line:
            found.append(line)
    return found


def notes(outcome: Outcome) -> list[str]:
    """What the runner itself noticed: fonts, figures that were drawn and not handed over."""
    return [str(line.get("text", "")) for line in lines(outcome) if line["kind"] == "note"]


def failure(outcome: Outcome) -> str:
    """Why a run is not ok, for the model and for a person: the traceback, or the limit that was reached."""
    reasons = {
        "time": "超过时限而被终止",
        "memory": "内存超限而被终止",
        "disk": "写入的文件总量超限而被终止",
        "output": "输出超限而被终止",
        "signal": f"被信号 {outcome.exit - 128} 终止",
    }
    head = f"{reasons[outcome.killed_by]}（{outcome.seconds:.1f} 秒）\n" if outcome.killed_by else ""
    tail = outcome.stderr.strip()[-4000:]
    return (head + tail).strip() or f"exit code {outcome.exit}"


def read_png(data: bytes) -> Figure | None:
    """A PNG by its header (RFC 2083, section 11.2.2), or None."""
    if len(data) < 33 or data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", data[16:24])
    return Figure(data, width, height)


def _scalar(value: Any) -> float | int | str | bool | None:
    if isinstance(value, dict):
        return None
    if isinstance(value, list):
        return "、".join(map(str, value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(value)


def _with(result: ExperimentResult, **changes: Any) -> ExperimentResult:
    from dataclasses import replace

    return replace(result, **changes)


def experiment_files(
    paths: Iterable[Path],
    *,
    sandbox: Sandbox | None = None,
    unsafe: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    cache: Path | None = None,
    workers: int = 1,
    progress: Callable[[ExperimentResult], None] | None = None,
) -> list[ExperimentResult]:
    """Run program files, in order. Where nothing can confine them they come back as not run.

    Raises UsageError for a file that cannot be read.
    """
    sources = [program_of(Path(path)) for path in paths]
    return run_programs(
        sources,
        sandbox=sandbox,
        unsafe=unsafe,
        limits=limits,
        cache=cache,
        workers=workers,
        progress=progress,
    )


def program_of(path: Path) -> tuple[str, str]:
    """Name and source of a program file. Raises UsageError for one that cannot be read, or is an article."""
    if path.suffix == ".md":
        raise UsageError(
            f"{path}: an article, not a program",
            hint="name a Python file; those of a draft stand in experiments/ beside it",
        )
    try:
        return str(path), path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}", hint="name a Python file in UTF-8") from error


def run_programs(
    sources: Sequence[tuple[str, str]],
    *,
    sandbox: Sandbox | None = None,
    unsafe: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    cache: Path | None = None,
    workers: int = 1,
    progress: Callable[[ExperimentResult], None] | None = None,
) -> list[ExperimentResult]:
    """`experiment_files`, of programs by name."""
    try:
        box = sandbox or open_sandbox(unsafe)
    except SandboxUnavailable as error:
        reason = f"{NOT_RUN}（{error}）"
        return [ExperimentResult(file, False, -1, 0.0, "", error=reason) for file, _ in sources]

    def one(source: tuple[str, str]) -> ExperimentResult:
        result = run_experiment(source[1], id=Path(source[0]).name, sandbox=box, limits=limits, cache=cache)
        result = _with(result, file=source[0])
        if progress is not None:
            progress(result)
        return result

    with ThreadPoolExecutor(max(1, workers)) as pool:
        return list(pool.map(one, sources))
