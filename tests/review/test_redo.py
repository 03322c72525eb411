"""A redo asks for one section's calls and nothing else; everything around it stays."""

from __future__ import annotations

import pytest

from agent.errors import BadReply, NotConfigured, NotRecorded, UsageError
from agent.llm import Ledger
from agent.merge import merge
from agent.pipeline.run import Watch, run_article
from agent.prompts import shipped
from agent.review.decide import accept, reject, send_back, standing
from agent.review.edit import edit
from agent.review.redo import redo
from agent.review.versions import version, versions
from tests.fakes.openai_server import Refusal, Seen, Step
from tests.pipeline.desk import FAKE, prompt_of
from tests.review.desk import ANCHORED, Desk

NOTE = "把条件写在前面"


def test_only_the_section_is_asked_for_with_note_and_old_text(desk: Desk) -> None:
    old = desk.text("theory.2")
    others = {s: desk.text(s) for s in desk.sections() if s != "theory.2"}
    accept(desk.ws, desk.slug, ["theory.1", "theory.2", "history.1"])
    redo(desk.ws, desk.slug, "theory.2", note=NOTE, watch=desk.watch())
    assert desk.calls
    assert all(name.startswith("theory.2/") for name in desk.calls), desk.calls
    first = desk.prompts()[0]
    assert NOTE in first
    assert old.split("\n")[0] in first
    new = desk.text("theory.2")
    assert new != old
    assert NOTE in new, "the fake writer says what it was told"
    assert {s: desk.text(s) for s in others} == others
    now = standing(desk.ws, desk.slug)
    assert now.sections == {"theory.1": "accepted", "history.1": "accepted"}, "only the new text is undecided"
    assert now.waiting == ()
    assert [v.text for v in versions(desk.folder, "theory.2")] == [old]


def test_a_second_redo_sees_all_notes_and_the_last_text(desk: Desk) -> None:
    redo(desk.ws, desk.slug, "theory.2", note=NOTE, watch=desk.watch())
    first = desk.text("theory.2")
    desk.calls.clear()
    assert desk.service is not None
    desk.service.requests.clear()
    redo(desk.ws, desk.slug, "theory.2", note="再举一个例子", watch=desk.watch())
    prompt = desk.prompts()[0]
    assert NOTE in prompt
    assert "再举一个例子" in prompt
    assert first.rstrip().split("\n")[-1] in prompt
    assert desk.calls[0] == "theory.2/rewrite.2"
    assert len(versions(desk.folder, "theory.2")) == 2


@pytest.mark.parametrize("section", ["map", "summary", "experiments.1", "philosophy.1", "theory.1"])
def test_any_section_can_be_redone(desk: Desk, section: str) -> None:
    others = {s: desk.text(s) for s in desk.sections() if s != section}
    redo(desk.ws, desk.slug, section, note=NOTE, watch=desk.watch())
    assert all(name.startswith(f"{section}/") for name in desk.calls), desk.calls
    assert NOTE in desk.prompts()[0]
    assert {s: desk.text(s) for s in others} == others


def test_one_part_of_a_call_that_wrote_several(desk: Desk) -> None:
    """theory.1 and theory.2 were written in one call; the other keeps its text."""
    other = desk.text("theory.1")
    redo(desk.ws, desk.slug, "theory.2", note=NOTE, watch=desk.watch())
    assert desk.text("theory.1") == other
    redo(desk.ws, desk.slug, "theory.1", note=NOTE, watch=desk.watch())
    assert NOTE in desk.text("theory.1")
    assert NOTE in desk.text("theory.2"), "an earlier redo of a neighbour stands"


def test_a_redo_that_fails_leaves_the_draft_and_waits(desk: Desk) -> None:
    before = desk.draft
    accept(desk.ws, desk.slug, ["history.1"])
    assert desk.service is not None
    refusals: list[Step] = [Refusal() for _ in range(3)]
    desk.service.before = lambda number, seen: refusals.pop() if refusals else None
    with pytest.raises(BadReply):
        redo(desk.ws, desk.slug, "theory.2", note=NOTE, watch=desk.watch())
    assert desk.draft == before
    now = standing(desk.ws, desk.slug)
    assert (now.status, now.waiting) == ("draft", ("theory.2",))
    assert now.sections == {"history.1": "accepted"}
    redo(desk.ws, desk.slug, watch=desk.watch())
    assert NOTE in desk.text("theory.2")
    assert standing(desk.ws, desk.slug).waiting == ()


def test_without_a_model_nothing_is_sent_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording of the run holds no redo, so that the section would wait for ever."""
    recording = desk.root / "run.jsonl"
    with Ledger(desk.ws.ledger) as ledger:
        ledger.export(recording, prefix=f"{desk.slug}/")
    with pytest.raises(NotConfigured, match=r"theory\.2") as caught:
        redo(desk.ws, desk.slug, "theory.2", note=NOTE, spec=f"replay:{recording}", watch=desk.watch())
    assert "--model" in caught.value.hint
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    with pytest.raises(NotConfigured):
        redo(desk.ws, desk.slug, "theory.2", note=NOTE, spec="auto", watch=desk.watch())
    assert "redone" not in desk.kinds()


def test_a_run_that_fails_leaves_the_draft_that_stands(desk: Desk) -> None:
    send_back(desk.ws, desk.slug, "theory.2", note=NOTE)
    empty = desk.root / "empty.jsonl"
    empty.write_text("")
    with pytest.raises(NotRecorded):
        run_article(desk.ws, desk.path, spec=f"replay:{empty}", watch=Watch())
    now = standing(desk.ws, desk.slug)
    assert (now.status, now.waiting) == ("draft", ("theory.2",))
    now = accept(desk.ws, desk.slug)
    assert (now.status, now.waiting) == ("accepted", ()), "a decision drops the redo that waits"
    merge(desk.ws, desk.slug)
    with pytest.raises(NotRecorded):
        run_article(desk.ws, desk.path, spec=f"replay:{empty}", watch=Watch())
    assert desk.state.status == "merged"


def test_accepting_what_waits_keeps_the_text_that_stands(desk: Desk) -> None:
    redo(desk.ws, desk.slug, "theory.2", note=NOTE, watch=desk.watch())
    stands = desk.text("theory.2")
    send_back(desk.ws, desk.slug, "theory.2", note="doch anders")
    assert standing(desk.ws, desk.slug).waiting == ("theory.2",)
    now = accept(desk.ws, desk.slug, ["theory.2"])
    assert (now.waiting, now.sections) == ((), {"theory.2": "accepted"})
    desk.calls.clear()
    redo(desk.ws, desk.slug, "theory.3", note=NOTE, watch=desk.watch())
    assert all(name.startswith("theory.3/") for name in desk.calls), desk.calls
    assert desk.text("theory.2") == stands


def test_what_waits_is_undecided_for_a_merge(desk: Desk) -> None:
    accept(desk.ws, desk.slug)
    send_back(desk.ws, desk.slug, "philosophy.1", note=NOTE)
    assert merge(desk.ws, desk.slug).undecided == ("philosophy.1",)


def test_a_part_that_was_never_written_is_written_by_a_redo(desk: Desk) -> None:
    """Three unusable replies leave a part unfinished; the redo asks for it with the note and nothing old."""
    reject(desk.ws, desk.slug, note="noch einmal")
    assert desk.service is not None
    refusals: list[Step] = [Refusal() for _ in range(3)]

    def before(number: int, seen: Seen) -> Step | None:
        wanted = "# 任务：写 philosophy.1「" in str(seen.body["messages"][1]["content"])
        return refusals.pop() if wanted and refusals else None

    desk.service.before = before
    run_article(desk.ws, desk.path, spec=FAKE, watch=Watch())
    rows = {s["id"]: s for s in desk.report["sections"]}
    assert rows["philosophy.1"]["verdict"] == "unfinished"
    assert "philosophy.1" not in standing(desk.ws, desk.slug).undecided
    desk.calls.clear()
    redo(desk.ws, desk.slug, "philosophy.1", note=NOTE, watch=desk.watch())
    assert NOTE in desk.text("philosophy.1")
    assert all(name.split("/")[0] in ("philosophy.1", "map", "summary") for name in desk.calls), (
        "what is written from all parts may be asked again"
    )


def test_a_note_is_on_disk_before_anything_is_asked(desk: Desk) -> None:
    send_back(desk.ws, desk.slug, "theory.2", note=NOTE)
    assert desk.service is not None
    assert not desk.service.requests
    assert standing(desk.ws, desk.slug).waiting == ("theory.2",)
    redo(desk.ws, desk.slug, watch=desk.watch())
    assert NOTE in desk.text("theory.2")


def test_what_a_person_wrote_stands_while_others_are_redone(desk: Desk) -> None:
    edit(desk.ws, desk.slug, "theory.3", "人写的一段，不许动。")
    redo(desk.ws, desk.slug, "theory.2", note=NOTE, watch=desk.watch())
    assert desk.text("theory.3") == "人写的一段，不许动。"
    assert "人写的一段，不许动。" in desk.draft.decode()
    redo(desk.ws, desk.slug, "theory.3", note="换一种写法", watch=desk.watch())
    assert "人写的一段" in desk.prompts()[-1] or any("人写的一段" in p for p in desk.prompts())
    assert "不许动" not in desk.text("theory.3")
    assert version(desk.folder, "theory.3", 2).text == "人写的一段，不许动。"


def test_other_prompts_are_never_asked_again(desk: Desk) -> None:
    (desk.root / "prompts").mkdir()
    shipped_system = (shipped("prompts") / "system.md").read_text(encoding="utf-8")
    (desk.root / "prompts" / "system.md").write_text(f"{shipped_system}\n别的话\n", encoding="utf-8")
    before = desk.draft
    with pytest.raises(UsageError, match="again"):
        redo(desk.ws, desk.slug, "theory.2", note=NOTE, watch=desk.watch())
    assert desk.draft == before
    assert desk.service is not None
    assert not desk.service.requests, "not a single paid call"


def test_a_redo_after_the_author_went_on_writing(desk: Desk) -> None:
    desk.change("另一段，没有公式，只有文字。", "另一段，改过了。")
    redo(desk.ws, desk.slug, "theory.2", note=NOTE, watch=desk.watch())
    accept(desk.ws, desk.slug)
    done = merge(desk.ws, desk.slug)
    assert done.rebased
    assert "另一段，改过了。" in desk.article
    assert NOTE in desk.article


def test_a_region_is_redone_after_the_merge(desk: Desk) -> None:
    accept(desk.ws, desk.slug)
    merge(desk.ws, desk.slug)
    redo(desk.ws, desk.slug, "theory.2", note=NOTE, watch=desk.watch())
    assert NOTE not in desk.article, "a redo makes a draft; only a merge writes the article"
    accept(desk.ws, desk.slug, ["theory.2"])
    merge(desk.ws, desk.slug)
    assert NOTE in desk.article
    assert ANCHORED in desk.article
    assert desk.state.status == "merged"


@pytest.mark.parametrize(("section", "note"), [("theory.2", ""), ("theory.9", NOTE), ("index", NOTE)])
def test_what_cannot_be_redone(desk: Desk, section: str, note: str) -> None:
    with pytest.raises(UsageError):
        redo(desk.ws, desk.slug, section, note=note, watch=desk.watch())
    assert "redone" not in desk.kinds()


def test_a_rejected_draft_starts_afresh(desk: Desk) -> None:
    """Notes on sections of a draft that is gone do not haunt the next one, the note on the whole does."""
    redo(desk.ws, desk.slug, "theory.2", note=NOTE, watch=desk.watch())
    reject(desk.ws, desk.slug, note="整篇跑题")
    assert desk.service is not None
    desk.service.requests.clear()
    run_article(desk.ws, desk.path, spec=FAKE, watch=Watch())
    assert any("整篇跑题" in prompt_of(r) for r in desk.service.requests)
    assert not any("编者退回" in prompt_of(r) for r in desk.service.requests)
    assert NOTE not in desk.draft.decode()
