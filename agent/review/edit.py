"""Editing a section by hand: its text is replaced, and everything measured about the draft is measured again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from agent.article import read, regions, strip
from agent.errors import Malformed, UsageError
from agent.measure import added, measure, meets
from agent.pipeline.assemble import Assembled, Section, assemble
from agent.pipeline.diff import patch
from agent.pipeline.judge import conclude
from agent.pipeline.outputs import load_sections, section_rows, write_sections
from agent.pipeline.packs import vet
from agent.pipeline.tally import tally
from agent.plan import standard_for, targets_for
from agent.records import Verdict
from agent.review.decide import Standing, deciding, standing, state_of
from agent.review.versions import keep, version
from agent.workspace import Workspace, write_bytes, write_json


def edit(ws: Workspace, slug: str, section: str, text: str, *, taken_back: bool = False) -> Standing:
    """Replace the text of a section. Earlier text and new one are kept; the section is undecided again.
    ``taken_back`` marks the return to an earlier text.

    Raises UsageError for an unknown section, an empty text, or one that would break the page around it (markers,
    `\\tag`, headings above h4, HTML comments).
    """
    with deciding(ws, slug):
        return replace_text(ws, slug, section, text, taken_back=taken_back)


def replace_text(ws: Workspace, slug: str, section: str, text: str, *, taken_back: bool = False) -> Standing:
    """`edit`, for whoever holds `deciding` already."""
    text = text.replace("\r\n", "\n").strip("\n")
    if not text.strip():
        raise UsageError(f"{section}: no text left", hint=f"to leave it out: expand reject {slug} {section}")
    try:
        vet(text)
    except Malformed as error:
        raise UsageError(f"{section}: {error}", hint="the text was not changed") from None
    folder = ws.output(slug)
    sections = load_sections(folder)
    old = next((s.text for s in sections if s.id == section), None)
    if old is None:
        raise UsageError(
            f"{slug} has no section {section}", hint="its sections: " + ", ".join(s.id for s in sections)
        )
    if old.strip("\n") == text:
        return standing(ws, slug)
    before = keep(folder, section, old)
    number = keep(folder, section, text)
    # The event names the kept text, so a crash below is mended by the next write of the draft.
    mark = {"taken_back": True} if taken_back else {}
    ws.events.append("edited", slug, section=section, version=number, before=before, **mark)
    rewrite(ws, slug, [replace(s, text=text) if s.id == section else s for s in sections])
    return standing(ws, slug)


def rewrite(ws: Workspace, slug: str, sections: Sequence[Section]) -> dict[str, Any]:
    """Write draft, diff and report anew from sections; gives the report."""
    folder = ws.output(slug)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    source = strip((folder / "draft.md").read_bytes())
    name = Path(report["source"]["path"]).name
    whole = assemble(source, name, sections, status="draft")
    write_json(folder / "bindings.json", kept_bindings(folder, sections))  # the checks read it
    report = {**report, **measured(ws, slug, source, name, whole, sections, report)}
    write_sections(folder, sections)
    write_bytes(folder / "diff.patch", patch(source, whole.data, report["source"]["path"]))
    write_json(folder / "report.json", report)
    write_bytes(folder / "draft.md", whole.data)
    return report


def measured(
    ws: Workspace,
    slug: str,
    source: bytes,
    name: str,
    whole: Assembled,
    sections: Sequence[Section],
    report: Mapping[str, Any],
) -> dict[str, Any]:
    """The fields of a report that follow from its text."""
    place = ws.plan().find(slug)
    before, after = measure(read(source, name)), measure(read(whole.data, name))
    targets = meets(targets_for(place, ws.config.targets), before, after)
    verdicts = checked(source, name, whole, ws.output(slug), standard_for(place, ws.config.standard))
    unfinished = [s for s in report["sections"] if s["verdict"] == "unfinished"]
    refuted = [w["label"] for w in report["witnesses"] if w["verdict"] == "refuted"]
    why = [(s["id"], s["reason"]) for s in unfinished]
    judged = conclude(verdicts, targets, why, refuted, whole.dangling)
    notes = {s["id"]: s.get("notes", ()) for s in report["sections"]}
    claims = tally(whole.data, report["witnesses"])
    found = [f for v in verdicts for f in v.findings]
    return {
        "verdict": judged.judgement,
        "reasons": list(judged.reasons),
        "before": asdict(before),
        "after": asdict(after),
        "added": asdict(added(before, after)),
        "targets": [{"name": t.name, "wanted": t.wanted, "got": t.got, "met": t.met} for t in targets],
        "checks": [
            {"name": v.name, "verdict": v.judgement, "findings": [asdict(f) for f in v.findings]}
            for v in verdicts
        ],
        "claims": sum(claims.values()),
        "verdicts": claims,
        "sections": [*section_rows(whole.data, sections, found, notes), *unfinished],
        "draft_sha256": hashlib.sha256(whole.data).hexdigest(),
    }


def checked(source: bytes, name: str, whole: Assembled, folder: Path, standard: Any) -> tuple[Verdict, ...]:
    """All checks on the page, with what is known around it."""
    from agent import checks
    from agent.checks.page import Page
    from agent.checks.standard import Standard
    from agent.pipeline.known import from_folder
    from agent.pipeline.recheck import planned, with_planned

    page = Page(
        article=read(whole.data, name),
        file=name,
        source=read(source, name),
        ours=tuple((r.begin_line, r.end_line) for r in regions(whole.data)),
        standard=Standard.of(standard),
        **from_folder(folder),
    )
    return with_planned(checks.run(page), planned(folder))


def kept_bindings(folder: Path, sections: Sequence[Section]) -> list[dict[str, Any]]:
    """Bound values that still stand in their section; the rest a person has taken out or changed."""
    path = folder / "bindings.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    texts = {s.id: s.text for s in sections}
    return [r for r in rows if r["text"] in texts.get(r["region"], "")]


def current_text(ws: Workspace, slug: str, section: str) -> str:
    """The text of a section as an editor is given it. Raises UsageError for an unknown one."""
    for s in load_sections(ws.output(slug)):
        if s.id == section:
            return s.text
    raise UsageError(f"{slug} has no section {section}", hint=f"it is {state_of(ws, slug).status}")


def mend(ws: Workspace, slug: str) -> None:
    """Finish an edit that a crash cut off: its event and its text are on disk, the draft may not hold it yet."""
    folder = ws.output(slug)
    if not state_of(ws, slug).edits or not (folder / "sections" / "index.json").is_file():
        return
    # Read under the lock too: a redo may be writing this very folder.
    with deciding(ws, slug):
        edits, sections = state_of(ws, slug).edits, load_sections(folder)
        whole = [
            replace(s, text=version(folder, s.id, edits[s.id]).text) if s.id in edits else s for s in sections
        ]
        data = (folder / "draft.md").read_bytes()
        if whole != sections or assemble(strip(data), "draft.md", whole, status="draft").data != data:
            rewrite(ws, slug, whole)
