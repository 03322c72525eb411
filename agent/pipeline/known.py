"""What is known around a draft, for the checks: its experiments, bound values, works and asset files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.checks.page import Bound, Ran, Work
from agent.pipeline.badges import witness_file
from agent.pipeline.bind import Binding
from agent.pipeline.evidence import Evidence


def bound(bindings: Iterable[Binding]) -> tuple[Bound, ...]:
    return tuple(Bound(b.experiment, b.name, b.text, b.region, b.occurrence) for b in bindings)


def assets_of(evidence: Evidence, slug: str) -> frozenset[str]:
    """Files an article's text may link, as it links them."""
    files = [run.figure_file(name) for run in evidence.runs.values() for name in run.figures]
    files += [witness_file(label) for label in evidence.witnesses]
    return frozenset(f"assets/{slug}/{name}" for name in files)


def from_folder(folder: Path) -> dict[str, Any]:
    """The same of a draft on disk (`outputs/<slug>/`), as fields of a `Page`; empty where there is no report."""
    report = _json(folder / "report.json")
    if not isinstance(report, dict):
        return {}
    experiments = report.get("experiments", ())
    return {
        "experiments": {e["id"]: Ran(e["verdict"] == "pass", e.get("values", {})) for e in experiments},
        "bindings": bound(_bindings(_json(folder / "bindings.json"))),
        "references": works(report.get("references", ())),
        "assets": frozenset(f"assets/{p.parent.name}/{p.name}" for p in folder.glob("assets/*/*")),
    }


def works(rows: Sequence[Mapping[str, Any]]) -> tuple[Work, ...]:
    return tuple(Work(**{**row, "authors": tuple(row["authors"])}) for row in rows)


def _bindings(rows: Any) -> list[Binding]:
    return [Binding(**row) for row in rows] if isinstance(rows, list) else []


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
