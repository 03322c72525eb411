"""Results of experiments by the hash of their code, so that no program runs twice for the same answer."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from agent.lab.results import Correlation, EarnedWarning, ExperimentResult, Figure, Sweep, Table, Value
from agent.workspace import make_folder

PREFIX = "e3:"
"""Version of the key: raise it when the runner changes what a program's results mean."""
LIBRARIES = ("numpy", "scipy", "matplotlib", "scikit-learn", "torch")


@lru_cache(maxsize=4)
def tools(*more: str) -> str:
    """Python and the numeric libraries, and ``more`` where installed, with their versions, one a line."""
    import sys
    from importlib import metadata

    found = [f"python {sys.version_info.major}.{sys.version_info.minor}"]
    for name in (*LIBRARIES, *more):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return "\n".join(found)


def key(code: str) -> str:
    """``e3:`` and the sha256 of the code and of the versions of Python and the numeric libraries.

    Limits stay out: a program that ended well within one limit gives the same answer within a wider one.
    """
    text = json.dumps([tools(), code], ensure_ascii=False)
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()


def _folder(cache: Path, name: str) -> Path:
    return cache / name.removeprefix(PREFIX)[:40]


def load(cache: Path, name: str, file: str) -> ExperimentResult | None:
    """The stored result, or None where there is none or it is damaged (it is then made anew)."""
    folder = _folder(cache, name)
    try:
        data = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        if data["key"] != name:
            return None
        figures = {}
        for figure, about in data["figures"].items():
            png = (folder / f"{figure}.png").read_bytes()
            if hashlib.sha256(png).hexdigest() != about["sha256"]:
                return None
            figures[figure] = Figure(png, about["width"], about["height"], about["about"])
        return _result(data, figures, file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _result(data: dict[str, Any], figures: dict[str, Figure], file: str) -> ExperimentResult:
    return ExperimentResult(
        file=file,
        ok=bool(data["ok"]),
        exit=int(data["exit"]),
        seconds=float(data["seconds"]),
        stdout=str(data["stdout"]),
        values={
            k: Value(v, data["units"].get(k, ""), tuple(data["runs"].get(k, ())))
            for k, v in data["values"].items()
        },
        tables={
            k: Table(tuple(t["columns"]), tuple(map(tuple, t["rows"]))) for k, t in data["tables"].items()
        },
        figures=figures,
        error=str(data["error"]),
        killed_by=str(data["killed_by"]),
        warnings=tuple(EarnedWarning(**w) for w in data["warnings"]),
        sweeps=tuple(
            Sweep(s["name"], tuple(s["grid"]), tuple(s["scores"]), s["better"], s["method"], s["best"])
            for s in data["sweeps"]
        ),
        correlations=tuple(
            Correlation(c["name"], tuple(c["x"]), tuple(c["y"]), tuple(c["groups"]))
            for c in data["correlations"]
        ),
        cached=True,
        key=str(data["key"]),
    )


def save(cache: Path, result: ExperimentResult) -> None:
    """Store a result; the record comes last and whole, so that a half-written one is never read."""
    folder = _folder(cache, result.key)
    make_folder(folder)
    for name, figure in result.figures.items():
        write_whole(folder / f"{name}.png", figure.png)
    data = result.to_json() | {
        "key": result.key,
        "sweeps": [
            {
                "name": s.name,
                "grid": s.grid,
                "scores": s.scores,
                "better": s.better,
                "method": s.method,
                "best": s.best,
            }
            for s in result.sweeps
        ],
        "correlations": [
            {"name": c.name, "x": c.x, "y": c.y, "groups": c.groups} for c in result.correlations
        ],
    }
    write_whole(folder / "result.json", json.dumps(data, ensure_ascii=False, indent=1).encode())


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` by a rename, so that no reader sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
