"""Edits by hand: the text is replaced, everything measured is measured again, both texts are kept."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from agent.article import strip
from agent.commands.texts import check_files
from agent.errors import UsageError
from agent.pipeline.evaluate import evaluate
from agent.review import edit as editing
from agent.review.decide import accept, state_of
from agent.review.dossier import load
from agent.review.edit import current_text, edit, mend
from agent.review.versions import versions
from tests.review.desk import Desk


def test_an_edit_replaces_the_text_and_measures_again(desk: Desk) -> None:
    before = desk.report
    old = desk.text("theory.2")
    accept(desk.ws, desk.slug, ["theory.1", "theory.2"])
    more = "\n\n再补一式\n\n\\begin{equation}\n2+2=4\n\\label{eq:mine}\n\\end{equation}"
    now = edit(desk.ws, desk.slug, "theory.2", old + more)
    assert now.sections == {"theory.1": "accepted"}, "an edited section is undecided again"
    after = desk.report
    assert after["after"]["formulas"] == before["after"]["formulas"] + 1
    assert after["after"]["lines"] == desk.draft.count(b"\n") > before["after"]["lines"]
    assert "\\label{theory.2:eq:mine} \\tag{E" in desk.draft.decode()
    assert strip(desk.draft).decode() == desk.article
    assert [v.text for v in versions(desk.folder, "theory.2")] == [old, old + more]
    assert "+2+2=4" in (desk.folder / "diff.patch").read_text()
    assert after["claims"] == before["claims"] + 1
    assert (
        after["claims"] == sum(after["verdicts"].values()) == sum(load(desk.ws, desk.slug).verdicts.values())
    )


def test_checks_see_what_was_edited_in(desk: Desk) -> None:
    text = desk.text("theory.2")
    edit(desk.ws, desk.slug, "theory.2", f"{text}\n\n见式$\\eqref{{eq:nowhere}}$。\n\n等一下，这里写错了。")
    report = desk.report
    row = next(s for s in report["sections"] if s["id"] == "theory.2")
    assert row["verdict"] == "fail"
    assert {f["check"] for f in row["findings"]} >= {"references", "self-talk"}
    lines = desk.draft.decode().split("\n")
    assert all("等一下" in lines[f["line"] - 1] for f in row["findings"] if f["check"] == "self-talk")
    assert any("eq:nowhere" in reason for reason in report["reasons"])
    edit(desk.ws, desk.slug, "theory.2", text)
    assert next(s for s in desk.report["sections"] if s["id"] == "theory.2")["verdict"] == "pass"


def test_check_and_evaluate_find_what_the_draft_shows_before_and_after_an_edit(desk: Desk) -> None:
    """Also what was found while it was planned, and no result that a program gave is called unbacked."""
    for _ in range(2):
        shown = Counter(
            (f["check"], f["rule"], f["severity"]) for c in desk.report["checks"] for f in c["findings"]
        )
        rows = check_files([desk.folder / "draft.md"], source=None, from_git=False).data
        assert Counter((f["check"], f["rule"], f["severity"]) for f in rows) == shown
        assert shown["structure", "outline", "warning"]
        measured = evaluate(desk.folder / "draft.md")
        for severity, counts in (("error", measured.errors), ("warning", measured.warnings)):
            assert sum(counts.values()) == sum(n for key, n in shown.items() if key[2] == severity)
        edit(desk.ws, desk.slug, "theory.2", f"{desk.text('theory.2')}\n\n等一下，这里写错了。")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n\n ",
        "### 标题太高",
        "正文 <!-- expand:end theory.2 --> 之后",
        "<!-- 藏起来的话 -->",
        "$$x=1 \\tag{7}$$",
    ],
)
def test_a_text_that_would_break_the_page_is_refused(desk: Desk, text: str) -> None:
    before, events = desk.draft, desk.kinds()
    with pytest.raises(UsageError):
        edit(desk.ws, desk.slug, "theory.2", text)
    assert desk.draft == before
    assert desk.kinds() == events


def test_the_same_text_is_no_edit(desk: Desk) -> None:
    events = desk.kinds()
    edit(desk.ws, desk.slug, "theory.2", desk.text("theory.2").replace("\n", "\r\n") + "\n\n")
    assert desk.kinds() == events


def test_an_edit_that_a_crash_cut_off_is_finished(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    before = desk.draft
    with monkeypatch.context() as patch:
        patch.setattr(editing, "rewrite", crash)
        with pytest.raises(KeyboardInterrupt):
            edit(desk.ws, desk.slug, "theory.2", "人写的一段。")
    assert desk.draft == before
    mend(desk.ws, desk.slug)
    assert current_text(desk.ws, desk.slug, "theory.2") == "人写的一段。"
    assert "人写的一段。" in desk.draft.decode()
    after = desk.draft
    mend(desk.ws, desk.slug)
    assert desk.draft == after


def test_bound_values_that_a_person_took_out_are_forgotten(desk: Desk) -> None:
    rows = [
        {"region": "theory.2", "occurrence": 0, "experiment": "exp1", "name": "a", "text": "0.123"},
        {"region": "theory.2", "occurrence": 1, "experiment": "exp1", "name": "b", "text": "4.56"},
    ]
    (desk.folder / "bindings.json").write_text(json.dumps(rows), encoding="utf-8")
    edit(desk.ws, desk.slug, "theory.2", "得到 0.123。")
    kept = json.loads((desk.folder / "bindings.json").read_text(encoding="utf-8"))
    assert [r["name"] for r in kept] == ["a"]


def test_an_edit_stands_in_the_event_log(desk: Desk) -> None:
    edit(desk.ws, desk.slug, "theory.2", "人写的一段。")
    state = state_of(desk.ws, desk.slug)
    assert state.edits == {"theory.2": 2}
    assert state.status == "draft"
