"""Decisions: events on disk, section by section, and taking them back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.errors import Locked, UsageError
from agent.merge import merge
from agent.pipeline import run as running
from agent.review import edit as editing
from agent.review import take_back as taking
from agent.review.decide import accept, reject, standing
from agent.review.dossier import load, revision, waiting
from agent.review.edit import edit, mend
from agent.review.redo import redo
from agent.review.take_back import take_back
from agent.workspace import Event, EventLog, Workspace, hold
from tests.review.desk import Desk


def test_a_decision_is_an_event_at_once(desk: Desk) -> None:
    before = len(desk.kinds())
    now = accept(desk.ws, desk.slug, ["theory.1"])
    assert now.sections == {"theory.1": "accepted"}
    assert desk.kinds()[before:] == ["accepted"]
    assert now.undecided == tuple(s for s in desk.sections() if s != "theory.1")
    assert standing(desk.ws, desk.slug) == now, "what the next process reads is the same"


def test_accepting_all_makes_the_article_accepted(desk: Desk) -> None:
    now = accept(desk.ws, desk.slug)
    assert now.status == "accepted"
    assert now.decided
    assert set(now.sections) == set(desk.sections())


def test_accepting_the_rest_takes_back_no_rejection(desk: Desk) -> None:
    reject(desk.ws, desk.slug, ["philosophy.1"], note="太长")
    now = accept(desk.ws, desk.slug)
    assert now.sections == {s: "rejected" if s == "philosophy.1" else "accepted" for s in desk.sections()}
    assert merge(desk.ws, desk.slug).left_out == ("philosophy.1",)
    assert accept(desk.ws, desk.slug, ["philosophy.1"]).sections["philosophy.1"] == "accepted"
    for section in desk.sections():
        reject(desk.ws, desk.slug, [section], note="太长")
    with pytest.raises(UsageError, match="every section was rejected"):
        accept(desk.ws, desk.slug)


def test_rejecting_needs_a_note_and_keeps_the_draft(desk: Desk) -> None:
    with pytest.raises(UsageError, match="note"):
        reject(desk.ws, desk.slug, ["theory.1"], note="  ")
    now = reject(desk.ws, desk.slug, ["theory.1"], note="条件写错了")
    assert now.sections == {"theory.1": "rejected"}
    assert desk.state.notes == (("theory.1", "条件写错了"),)
    whole = reject(desk.ws, desk.slug, note="整篇跑题")
    assert whole.status == "pending"
    assert (desk.folder / "draft.md").is_file()


@pytest.mark.parametrize("section", ["theory.99", "", "../x", "index "])
def test_an_unknown_section_is_refused_with_the_names(desk: Desk, section: str) -> None:
    with pytest.raises(UsageError) as caught:
        accept(desk.ws, desk.slug, [section])
    assert "theory.1" in caught.value.hint


def test_decisions_are_taken_back_one_after_the_other(desk: Desk) -> None:
    accept(desk.ws, desk.slug, ["theory.1"])
    reject(desk.ws, desk.slug, ["theory.1"], note="doch nicht")
    accept(desk.ws, desk.slug, ["theory.2", "theory.3"])
    assert take_back(desk.ws, desk.slug)[0].sections == {"theory.1": "rejected"}
    assert take_back(desk.ws, desk.slug)[0].sections == {"theory.1": "accepted"}
    assert take_back(desk.ws, desk.slug)[0].sections == {}
    with pytest.raises(UsageError, match="nothing to take back"):
        take_back(desk.ws, desk.slug)


def test_taking_back_an_edit_brings_the_old_text(desk: Desk) -> None:
    old = desk.text("theory.2")
    accept(desk.ws, desk.slug, ["theory.1"])
    edit(desk.ws, desk.slug, "theory.2", f"{old}\n\n人写的一句。")
    accept(desk.ws, desk.slug, ["theory.2"])
    take_back(desk.ws, desk.slug)
    now, what = take_back(desk.ws, desk.slug)
    assert "theory.2" in what
    assert desk.text("theory.2") == old
    assert now.sections == {"theory.1": "accepted"}
    assert take_back(desk.ws, desk.slug)[0].sections == {}


def test_taking_back_an_edit_brings_back_what_it_withdrew(desk: Desk) -> None:
    old = desk.text("theory.2")
    accept(desk.ws, desk.slug)
    edit(desk.ws, desk.slug, "theory.2", f"{old}\n\n人写的一句。")
    assert "theory.2" in standing(desk.ws, desk.slug).undecided
    now, _ = take_back(desk.ws, desk.slug)
    assert desk.text("theory.2") == old
    assert (now.status, now.undecided) == ("accepted", ())
    assert take_back(desk.ws, desk.slug)[0].sections == {}


def after_another(real: Any, act: Callable[[], object]) -> Callable[[Workspace, str], Any]:
    """A lock that somebody else gets first."""
    acts = [act]

    def entered(ws: Workspace, slug: str) -> Any:
        while acts:
            acts.pop()()
        return real(ws, slug)

    return entered


def test_two_who_take_back_at_once_take_back_two_decisions(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(desk.ws, desk.slug, ["theory.1"])
    accept(desk.ws, desk.slug, ["theory.2"])
    other = after_another(taking.deciding, lambda: take_back(desk.ws, desk.slug))
    monkeypatch.setattr(taking, "deciding", other)
    assert take_back(desk.ws, desk.slug)[0].sections == {}


def test_a_draft_is_written_while_nobody_decides(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []
    real = running.write_outputs

    def spied(*args: Any) -> dict[str, Any]:
        try:
            with hold(desk.ws.locks, f"{desk.slug} decisions"):
                held.append(False)
        except Locked:
            held.append(True)
        return real(*args)

    monkeypatch.setattr(running, "write_outputs", spied)
    redo(desk.ws, desk.slug, "theory.3", note="换一种写法", watch=desk.watch())
    assert held == [True]


def test_mending_undoes_no_edit_that_was_made_meanwhile(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(editing, "rewrite", lambda *_: None)
        edit(desk.ws, desk.slug, "theory.2", "第一次改。")
    other = after_another(editing.deciding, lambda: edit(desk.ws, desk.slug, "theory.3", "别人改的。"))
    monkeypatch.setattr(editing, "deciding", other)
    mend(desk.ws, desk.slug)
    assert (desk.text("theory.2"), desk.text("theory.3")) == ("第一次改。", "别人改的。")


def test_reopening_leaves_the_others(desk: Desk) -> None:
    accept(desk.ws, desk.slug, ["theory.1", "theory.2"])
    desk.ws.events.append("reopened", desk.slug, sections=["theory.1", "theory.3"])
    now = standing(desk.ws, desk.slug)
    assert now.sections == {"theory.2": "accepted"}
    assert now.status == "draft"


def test_every_change_has_a_revision_of_its_own(desk: Desk) -> None:
    seen = {revision(desk.ws, desk.slug)}
    accept(desk.ws, desk.slug, ["theory.1"])
    seen.add(revision(desk.ws, desk.slug))
    take_back(desk.ws, desk.slug)
    seen.add(revision(desk.ws, desk.slug))
    assert len(seen) == 3, "a decision taken back is not the state before it"


def test_the_list_of_drafts_counts_decisions(desk: Desk) -> None:
    accept(desk.ws, desk.slug, ["theory.1"])
    (row,) = waiting(desk.ws)
    assert (row.slug, row.decided, row.sections) == (desk.slug, 1, len(desk.sections()))
    assert row.lines == desk.draft.count(b"\n")


def test_a_dossier_holds_the_page_in_file_order(desk: Desk) -> None:
    d = load(desk.ws, desk.slug)
    lines = [s.line for s in d.sections]
    assert lines == sorted(lines)
    text = d.draft.decode().split("\n")
    for s in d.sections:
        assert text[s.line - 1].startswith(f"<!-- expand:begin {s.id} ")
        assert text[s.line + s.lines - 2] == f"<!-- expand:end {s.id} -->"
    assert d.source.decode() == desk.article


def test_a_dossier_reads_the_event_log_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []
    real = EventLog.read

    def counted(log: EventLog) -> tuple[Event, ...]:
        reads.append(log.path)
        return real(log)

    accept(desk.ws, desk.slug, ["theory.1"])
    now = revision(desk.ws, desk.slug)
    monkeypatch.setattr(EventLog, "read", counted)
    d = load(desk.ws, desk.slug)
    assert len(reads) == 1
    assert (d.revision, d.standing.sections) == (now, {"theory.1": "accepted"})


def test_without_a_draft_there_is_nothing_to_review(desk: Desk) -> None:
    (desk.folder / "report.json").unlink()
    with pytest.raises(UsageError, match="no draft"):
        load(desk.ws, desk.slug)
