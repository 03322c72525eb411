"""Merging: only what was accepted, into what the author has now, and back again byte for byte."""

from __future__ import annotations

import hashlib
import os
import re

import pytest

from agent.article import regions, strip
from agent.errors import Locked, SourceChanged, UsageError
from agent.merge import DanglingReference, merge, undo
from agent.merge.hand import as_section, digest
from agent.pipeline.assemble import assemble
from agent.pipeline.outputs import load_sections
from agent.review.decide import accept, reject
from agent.review.edit import edit
from agent.review.redo import redo
from agent.workspace import hold
from tests.review.desk import ANCHORED, ARTICLE, Desk


def accept_all(desk: Desk) -> None:
    accept(desk.ws, desk.slug)


def test_all_accepted(desk: Desk) -> None:
    accept_all(desk)
    done = merge(desk.ws, desk.slug)
    assert strip(desk.path.read_bytes()).decode() == ARTICLE
    assert "status: completed" in desk.article
    assert done.undecided == done.left_out == ()
    assert set(done.sections) >= set(desk.sections())
    assert done.after["lines"] == desk.article.count("\n")
    assert desk.kinds()[-1] == "merged"
    assert desk.state.status == "merged"
    undo(desk.ws, desk.slug)
    assert desk.article == ARTICLE
    assert desk.state.status == "draft"
    assert len(desk.state.sections) == len(desk.sections()), "decisions outlive an undo"


def test_only_accepted_sections_and_the_undecided_are_listed(desk: Desk) -> None:
    accept(desk.ws, desk.slug, ["theory.1", "history.1"])
    reject(desk.ws, desk.slug, ["philosophy.1"], note="空话")
    done = merge(desk.ws, desk.slug)
    assert [r for r in desk.regions() if r != "index"] == ["theory.1", "history.1"]
    assert "philosophy.1" in done.left_out
    assert "philosophy.1" not in done.undecided
    assert set(done.undecided) == set(desk.sections()) - {"theory.1", "history.1", "philosophy.1"}


def test_nothing_accepted(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"undecided: .*theory\.1"):
        merge(desk.ws, desk.slug)
    assert desk.article == ARTICLE
    assert not (desk.folder / "merges").exists()


def test_sections_accepted_later_join(desk: Desk) -> None:
    accept(desk.ws, desk.slug, ["theory.1", "history.1"])
    merge(desk.ws, desk.slug)
    first = desk.article
    accept(desk.ws, desk.slug, ["philosophy.1"])
    merge(desk.ws, desk.slug)
    assert "philosophy.1" in desk.regions()
    assert strip(desk.path.read_bytes()).decode() == ARTICLE
    undo(desk.ws, desk.slug)
    assert desk.article == first, "one undo takes one merge back"
    undo(desk.ws, desk.slug)
    assert desk.article == ARTICLE


def test_a_section_merged_before_and_undecided_now_stays_as_it_stands(desk: Desk) -> None:
    accept_all(desk)
    merge(desk.ws, desk.slug)
    old = next(r.text for r in regions(desk.path.read_bytes()) if r.id == "theory.2")
    redo(desk.ws, desk.slug, "theory.2", note="换一种写法", watch=desk.watch())
    edit(desk.ws, desk.slug, "history.1", "人写的来历。")
    accept(desk.ws, desk.slug, ["history.1"])
    done = merge(desk.ws, desk.slug)
    assert done.undecided == ("theory.2",)
    found = {r.id: r.text for r in regions(desk.path.read_bytes())}
    assert digest(found["theory.2"]) == digest(old)
    assert "人写的来历。" in found["history.1"]


def test_a_rejected_section_leaves_the_article(desk: Desk) -> None:
    accept_all(desk)
    merge(desk.ws, desk.slug)
    reject(desk.ws, desk.slug, ["philosophy.1"], note="空话")
    merge(desk.ws, desk.slug)
    assert "philosophy.1" not in desk.regions()


def test_a_reference_into_a_section_left_out_names_both(desk: Desk) -> None:
    assert "\\eqref{eq:double}" in desk.text("summary")
    accept(desk.ws, desk.slug, [s for s in desk.sections() if s != "theory.1"])
    events = desk.kinds()
    with pytest.raises(DanglingReference, match=r"eq:double.*theory\.1") as caught:
        merge(desk.ws, desk.slug)
    assert caught.value.exit_code == 1
    assert re.match("map|summary", str(caught.value))
    assert desk.article == ARTICLE
    assert desk.kinds() == events
    assert not (desk.folder / "merges").exists()


CHANGES = {
    "before": ("# 第一节\n", "# 第一节\n\n又加一段。\n"),
    "after-its-paragraph": (f"{ANCHORED}\n", f"{ANCHORED}\n\n接着又说了一句。\n"),
    "behind": ("另一段，没有公式，只有文字。", "另一段，有改动。"),
    "new-heading": ("## 第二节", "## 第零节\n\n插进来的一节。\n\n## 第二节"),
    "front-matter": ("date: 2024-01-01", "date: 2024-02-02\ntags: 数"),
    "end": ("TODO: 补充\n", "TODO: 补充\n\n转载请注明出处。\n"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_elsewhere_is_merged(desk: Desk, name: str) -> None:
    accept_all(desk)
    desk.change(*CHANGES[name])
    changed = desk.article
    done = merge(desk.ws, desk.slug)
    assert done.rebased
    assert strip(desk.path.read_bytes()).decode() == changed
    text = desk.article
    assert text.index("expand:begin theory.2") > text.index(ANCHORED), "after the paragraph it explains"
    assert text.index("expand:end theory.2") < text.index("## 第二节")
    undo(desk.ws, desk.slug)
    assert desk.article == changed


CONFLICTS = {
    "paragraph": (ANCHORED, "于是得到别的结论。", "theory.2"),
    "gone": (f"{ANCHORED}\n\n", "", "theory.2"),
    "stub": ("TODO: 补充\n", "这里作者自己写了。\n", "TODO"),
    "stub-gone": ("## 公式推导与注释\n\nTODO: 补充\n", "", "TODO"),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_change_where_a_section_stands_is_a_conflict(desk: Desk, name: str) -> None:
    accept_all(desk)
    old, new, said = CONFLICTS[name]
    desk.change(old, new)
    changed, events = desk.article, desk.kinds()
    with pytest.raises(SourceChanged) as caught:
        merge(desk.ws, desk.slug)
    assert caught.value.exit_code == 5
    assert said in str(caught.value)
    assert desk.article == changed
    assert desk.kinds() == events


def test_a_conflict_of_one_section_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.change(ANCHORED, "于是得到别的结论。")
    accept(desk.ws, desk.slug, ["history.1"])
    merge(desk.ws, desk.slug)
    assert "history.1" in desk.regions()


def test_the_same_paragraph_twice_is_told_apart(desk: Desk) -> None:
    accept_all(desk)
    desk.change("## 第一节", f"## 第零节\n\n{ANCHORED}\n\n## 第一节")
    merge(desk.ws, desk.slug)
    text = desk.article
    assert text.index("expand:begin theory.2") > text.index("## 第一节"), "not after the author's new copy"


def test_a_source_with_markers_is_refused(desk: Desk) -> None:
    accept_all(desk)
    desk.change("另一段，", "<!-- expand:begin x glue=0 -->\n\n<!-- expand:end x -->\n\n另一段，")
    with pytest.raises(UsageError, match="marker"):
        merge(desk.ws, desk.slug)


def test_hand_edits_in_regions_are_noticed_and_kept(desk: Desk) -> None:
    accept_all(desk)
    merge(desk.ws, desk.slug)
    desk.change("### 关于theory.2", "### 人改的标题")
    mine = "\n\n人补的一式\n\n\\begin{equation}\n3+3=6\n\\label{theory.2:eq:mine}\n\\end{equation}\n"
    end = "\n<!-- expand:end theory.2 -->"
    desk.change(end, f"{mine}{end}")
    edit(desk.ws, desk.slug, "history.1", "新的来历。")
    accept(desk.ws, desk.slug, ["history.1"])
    done = merge(desk.ws, desk.slug)
    assert done.kept == ("theory.2",)
    for _ in range(2):
        assert "### 人改的标题" in desk.article
        assert "人补的一式" in desk.article
        assert "\\label{theory.2:eq:mine} \\tag{E" in desk.article, "numbered like the rest"
        assert strip(desk.path.read_bytes()).decode() == ARTICLE
        # Kept once more, although this text is now the one that was merged last.
        edit(desk.ws, desk.slug, "history.1", desk.text("history.1") + "\n\n又一句。")
        accept(desk.ws, desk.slug, ["history.1"])
        done = merge(desk.ws, desk.slug)
        assert done.kept == ("theory.2",)
    desk.ws.events.append("reopened", desk.slug, sections=["history.1"])
    accept(desk.ws, desk.slug, ["history.1"])
    merge(desk.ws, desk.slug, overwrite=["theory.2"])
    assert "人补的一式" not in desk.article
    assert "### 关于theory.2" in desk.article


def test_a_region_removed_by_hand_stays_out(desk: Desk) -> None:
    accept_all(desk)
    merge(desk.ws, desk.slug)
    data = desk.path.read_bytes()
    gone = next(r for r in regions(data) if r.id == "philosophy.1")
    desk.path.write_bytes(data[: gone.start] + data[gone.stop :])
    for text in ("新的来历。", "更新的来历。"):
        edit(desk.ws, desk.slug, "history.1", text)
        accept(desk.ws, desk.slug, ["history.1"])
        assert merge(desk.ws, desk.slug).kept == ("philosophy.1",)
        assert "philosophy.1" not in desk.regions()
    edit(desk.ws, desk.slug, "history.1", "最新的来历。")
    accept(desk.ws, desk.slug, ["history.1"])
    merge(desk.ws, desk.slug, overwrite=["philosophy.1"])
    assert "philosophy.1" in desk.regions()


def test_a_redo_of_a_hand_edited_region_starts_from_the_hand_edit(desk: Desk) -> None:
    accept_all(desk)
    merge(desk.ws, desk.slug)
    desk.change("### 关于theory.2\n", "### 关于theory.2\n\n人加的一句话。\n")
    redo(desk.ws, desk.slug, "theory.2", note="接着这句话写", watch=desk.watch())
    assert "人加的一句话。" in desk.prompts()[0]
    accept(desk.ws, desk.slug, ["theory.2"])
    done = merge(desk.ws, desk.slug)
    assert done.kept == (), "the person saw it go: the redo was his, on this very text"
    assert "接着这句话写" in desk.article


def test_regions_of_a_merged_article_read_back_as_its_sections(desk: Desk) -> None:
    sections = load_sections(desk.folder)
    whole = assemble(ARTICLE.encode(), desk.path.name, sections, status="draft").data
    known = {s.id: s for s in sections}
    back = [as_section(r.id, r.text, known[r.id], whole) for r in regions(whole)]
    again = assemble(ARTICLE.encode(), desk.path.name, back, status="draft").data
    assert again == whole


def test_figures_go_beside_the_article_and_back(desk: Desk) -> None:
    folder = desk.folder / "assets" / desk.slug
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "exp1-loss.png").write_bytes(b"new picture")
    (folder / "exp1-old.png").write_bytes(b"redrawn")
    (folder / "exp1-unused.png").write_bytes(b"unused")
    beside = desk.path.parent / "assets" / desk.slug
    beside.mkdir(parents=True)
    (beside / "exp1-old.png").write_bytes(b"drawn before")
    links = f"![a](assets/{desk.slug}/exp1-loss.png) ![b](assets/{desk.slug}/exp1-old.png)"
    edit(desk.ws, desk.slug, "theory.2", f"{desk.text('theory.2')}\n\n{links}")
    accept_all(desk)
    done = merge(desk.ws, desk.slug)
    assert (beside / "exp1-loss.png").read_bytes() == b"new picture"
    assert (beside / "exp1-old.png").read_bytes() == b"redrawn"
    assert not (beside / "exp1-unused.png").exists()
    assert f"blogs_raw/assets/{desk.slug}/exp1-loss.png" in done.figures
    undo(desk.ws, desk.slug)
    assert not (beside / "exp1-loss.png").exists()
    assert (beside / "exp1-old.png").read_bytes() == b"drawn before"


def test_an_article_that_was_edited_is_not_undone(desk: Desk) -> None:
    accept_all(desk)
    merge(desk.ws, desk.slug)
    desk.change("引言一段", "引言改过")
    edited = desk.article
    with pytest.raises(SourceChanged) as caught:
        undo(desk.ws, desk.slug)
    assert caught.value.exit_code == 5
    assert desk.article == edited


def test_undo_without_a_merge(desk: Desk) -> None:
    with pytest.raises(UsageError):
        undo(desk.ws, desk.slug)
    accept_all(desk)
    merge(desk.ws, desk.slug)
    with pytest.raises(UsageError, match="merged"):
        merge(desk.ws, desk.slug)


def test_the_event_says_what_was_written(desk: Desk) -> None:
    accept_all(desk)
    merge(desk.ws, desk.slug)
    event = next(e for e in reversed(desk.ws.events.read()) if e.kind == "merged")
    assert event.data["sha256_before"] == hashlib.sha256(ARTICLE.encode()).hexdigest()
    assert event.data["sha256_after"] == hashlib.sha256(desk.path.read_bytes()).hexdigest()
    assert event.data["after"]["lines"] == desk.article.count("\n")
    assert set(event.data["regions"]) == set(desk.regions())


def test_line_endings_and_mode_survive(desk: Desk) -> None:
    desk.path.chmod(0o640)
    accept_all(desk)
    merge(desk.ws, desk.slug)
    assert os.stat(desk.path).st_mode & 0o777 == 0o640
    undo(desk.ws, desk.slug)
    assert os.stat(desk.path).st_mode & 0o777 == 0o640


def test_a_locked_article_waits_for_its_writer(desk: Desk) -> None:
    accept_all(desk)
    with hold(desk.ws.locks, desk.slug), pytest.raises(Locked):
        merge(desk.ws, desk.slug)
    assert desk.article == ARTICLE


def test_reviewing_goes_on_while_the_article_is_written(desk: Desk) -> None:
    with hold(desk.ws.locks, desk.slug):
        assert accept(desk.ws, desk.slug, ["theory.1"]).sections == {"theory.1": "accepted"}
