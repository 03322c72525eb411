"""All checks on a file as it stands, with all that is known around it: the one way behind `check` and `evaluate`, so
that they find what the run found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from agent import checks
from agent.article import read, regions
from agent.checks.page import Page
from agent.checks.standard import Standard
from agent.errors import ConfigError
from agent.pipeline.known import from_folder
from agent.plan import standard_for
from agent.records import Finding, Verdict
from agent.workspace import find, slug_of

WRITTEN = frozenset(rule for _, rule, _ in checks.RULES)
"""Rules that look at the text; what else a report names was found while the article was planned."""


def recheck(path: Path, data: bytes, original: bytes | None) -> tuple[Verdict, ...]:
    """Verdicts on a file. Of a draft, or an article that was merged in its workspace, its report, its plan's standard
    and what stands beside it are looked at too."""
    ours = tuple((r.begin_line, r.end_line) for r in regions(data))
    folder, standard = _around(path) if ours else (None, Standard())
    page = Page(
        article=read(data, str(path)),
        file=str(path),
        source=read(original, str(path)) if original is not None else None,
        ours=ours or None,
        standard=standard,
        **(from_folder(folder) if folder else {}),
    )
    return with_planned(checks.run(page), planned(folder) if folder else ())


def planned(folder: Path) -> tuple[Finding, ...]:
    """What was found while a draft was planned, such as a symbol with two meanings: no rule sees it in the text."""
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    found = (Finding(**row) for check in report.get("checks", ()) for row in check["findings"])
    return tuple(f for f in found if f.rule and f.rule not in WRITTEN)


def with_planned(verdicts: Iterable[Verdict], found: Sequence[Finding]) -> tuple[Verdict, ...]:
    """Verdicts with the findings of the planning, which stand with the structure."""
    return tuple(replace(v, findings=(*v.findings, *found)) if v.name == "structure" else v for v in verdicts)


def _around(path: Path) -> tuple[Path | None, Standard]:
    """The folder of a page's draft and the standard it is held to, as far as they are known."""
    folder = path.parent if (path.parent / "report.json").is_file() else None
    try:
        ws = find(path.absolute().parent)
        folder = folder or ws.output(slug_of(path))
        place = ws.plan().find(folder.absolute().name)
        return folder, Standard.of(standard_for(place, ws.config.standard))
    except ConfigError:
        return folder, Standard()
