"""Everything a person is shown of a draft, read from its folder and the event log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.article import strip
from agent.errors import UsageError
from agent.pipeline.badges import file_name
from agent.pipeline.tally import tally
from agent.records import Finding, TargetResult
from agent.review.decide import INDEX, Standing, standing
from agent.review.versions import versions
from agent.workspace import Event, State, Workspace, derive

NAMES = {"map": "扩充导读", "summary": "扩充小结", "index": "推导的位置"}


@dataclass(frozen=True, slots=True)
class SectionView:
    id: str
    title: str
    chapter: str
    verdict: str
    """pass, fail or unfinished."""
    reason: str
    """Why it is unfinished."""
    line: int
    """First line in the draft; 0 where it is unfinished."""
    lines: int
    formulas: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What its writer said to the editor."""
    decision: str
    """accepted, rejected or empty."""
    waiting: bool
    versions: tuple[int, ...]
    """Numbers of earlier texts that are kept."""
    edited: bool
    """Its text is a person's."""

    @property
    def name(self) -> str:
        return self.title or self.chapter or NAMES.get(self.id, self.id)

    @property
    def decidable(self) -> bool:
        return self.verdict != "unfinished" and self.id != INDEX

    def count(self, severity: str) -> int:
        return sum(f.severity == severity for f in self.findings)


@dataclass(frozen=True, slots=True)
class WitnessView:
    label: str
    verdict: str
    """verified, consistent, holds-on-samples, refuted or unchecked."""
    says: str
    code: str
    """Source of the program; empty where there is none."""
    grade: str
    route: str
    killed: int | None
    """Wrong versions of the formula that the check noticed."""
    live: int | None
    """Wrong versions that differ on the inputs used."""
    linked: str
    survivors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExperimentView:
    id: str
    verdict: str
    reason: str
    code: str
    output: str
    figures: tuple[str, ...]
    """File names below `assets/<slug>/`."""


@dataclass(frozen=True, slots=True)
class CheckView:
    name: str
    verdict: str
    errors: int
    warnings: int


@dataclass(frozen=True)
class Dossier:
    slug: str
    title: str
    file: str
    """The article, below the workspace."""
    draft: bytes
    source: bytes
    verdict: str
    reasons: tuple[str, ...]
    sections: tuple[SectionView, ...]
    """In the order of the page; unfinished ones last."""
    witnesses: tuple[WitnessView, ...]
    experiments: tuple[ExperimentView, ...]
    checks: tuple[CheckView, ...]
    loose: tuple[Finding, ...]
    """Findings about no section: the file as a whole, or the author's lines."""
    targets: tuple[TargetResult, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    added: Mapping[str, Any]
    report: Mapping[str, Any]
    state: State
    standing: Standing
    revision: str
    """Changes with every event of the article; a request made for another state of it is refused."""
    assets: Path
    patch: bytes

    @property
    def verdicts(self) -> Mapping[str, int]:
        """Displayed claims by verdict; counted anew where the report is older than this count."""
        return self.report.get("verdicts") or tally(self.draft, self.report["witnesses"])

    @property
    def verified(self) -> int:
        return self.verdicts.get("verified", 0)

    @property
    def claims(self) -> int:
        return sum(self.verdicts.values())

    @property
    def ran(self) -> int:
        return sum(e.verdict == "pass" for e in self.experiments)

    def section(self, id: str) -> SectionView | None:
        return next((s for s in self.sections if s.id == id), None)


def load(ws: Workspace, slug: str) -> Dossier:
    """The dossier of a draft. Raises UsageError where there is none, or its files cannot be read."""
    folder = ws.output(slug)
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        draft = (folder / "draft.md").read_bytes()
    except (OSError, ValueError):
        raise UsageError(f"{slug} has no draft to review", hint=f"make one with: expand run {slug}") from None
    # Once: the page asks for this several times a second while a section is written again.
    events = [e for e in ws.events.read() if e.slug == slug]
    state = derive(events).get(slug, State())
    rows = report["sections"]
    sections = tuple(
        _section(folder, state, row) for row in sorted(rows, key=lambda r: r.get("line") or 1 << 30)
    )
    patch = folder / "diff.patch"
    return Dossier(
        slug=slug,
        title=report["title"],
        file=report["source"]["path"],
        draft=draft,
        source=strip(draft),
        verdict=report["verdict"],
        reasons=tuple(report["reasons"]),
        sections=sections,
        witnesses=tuple(_witness(folder, row) for row in report["witnesses"]),
        experiments=tuple(_experiment(folder, slug, row) for row in report["experiments"]),
        checks=tuple(_check(row) for row in report["checks"]),
        loose=_loose(report, rows),
        targets=tuple(TargetResult(t["name"], t["wanted"], t["got"]) for t in report["targets"]),
        before=report["before"],
        after=report["after"],
        added=report["added"],
        report=report,
        state=state,
        standing=standing(ws, slug, state),
        revision=revision_of(events),
        assets=folder / "assets" / slug,
        patch=patch.read_bytes() if patch.is_file() else b"",
    )


def revision(ws: Workspace, slug: str) -> str:
    """A short name of the present state of an article's review."""
    return revision_of(e for e in ws.events.read() if e.slug == slug)


def revision_of(events: Iterable[Event]) -> str:
    """`revision`, from the article's events."""
    own = [(e.at, e.kind, json.dumps(e.data, sort_keys=True)) for e in events]
    return hashlib.sha256(repr(own).encode()).hexdigest()[:16]


def _section(folder: Path, state: State, row: Mapping[str, Any]) -> SectionView:
    id = row["id"]
    return SectionView(
        id=id,
        title=row["title"],
        chapter=row.get("chapter", ""),
        verdict=row["verdict"],
        reason=row.get("reason", ""),
        line=row.get("line", 0),
        lines=row.get("lines", 0),
        formulas=row.get("formulas", 0),
        findings=tuple(Finding(**f) for f in row.get("findings", ())),
        notes=tuple(row.get("notes", ())),
        decision=state.sections.get(id, ""),
        waiting=id in state.waiting,
        versions=tuple(v.number for v in versions(folder, id)),
        edited=id in state.edits,
    )


def _witness(folder: Path, row: Mapping[str, Any]) -> WitnessView:
    return WitnessView(
        label=row["label"],
        verdict=row["verdict"],
        says=row["says"],
        code=_text(folder / "witnesses" / f"{file_name(row['label'])}.py"),
        grade=row.get("grade", ""),
        route=row.get("route", ""),
        killed=row.get("killed"),
        live=row.get("live"),
        linked=row.get("linked", ""),
        survivors=tuple(row.get("survivors", ())),
    )


def _experiment(folder: Path, slug: str, row: Mapping[str, Any]) -> ExperimentView:
    id = row["id"]
    figures = sorted(p.name for p in (folder / "assets" / slug).glob(f"{id}-*.png"))
    place = folder / "experiments"
    return ExperimentView(
        id, row["verdict"], row.get("reason", ""), _text(place / f"{id}.py"), _text(place / f"{id}.out"), tuple(figures)
    )  # fmt: skip


def _check(row: Mapping[str, Any]) -> CheckView:
    severities = [f["severity"] for f in row["findings"]]
    return CheckView(row["name"], row["verdict"], severities.count("error"), severities.count("warning"))


def _loose(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    spans = [(r["line"], r["line"] + r["lines"] - 1) for r in rows if r.get("line")]
    found = [Finding(**f) for check in report["checks"] for f in check["findings"]]
    return tuple(f for f in found if not any(first <= f.line <= last for first, last in spans))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A draft that waits for a person, in one line."""

    slug: str
    title: str
    verdict: str
    lines: int
    formulas: int
    sections: int
    decided: int


def waiting(ws: Workspace) -> list[Waiting]:
    """Drafts to review, in the order of the articles' folder. Reads their reports, not their texts."""
    states = derive(ws.events.read())
    rows = []
    for slug in ws.slugs():
        if slug not in states or states[slug].status not in ("draft", "accepted"):
            continue
        path = ws.output(slug) / "report.json"
        if not path.is_file():
            continue
        report = json.loads(path.read_text(encoding="utf-8"))
        own = [s["id"] for s in report["sections"] if s["verdict"] != "unfinished" and s["id"] != INDEX]
        decided = sum(s in states[slug].sections for s in own)
        after = report["after"]
        rows.append(
            Waiting(
                slug, report["title"], report["verdict"], after["lines"], after["formulas"], len(own), decided
            )
        )
    return rows
