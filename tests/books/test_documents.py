"""`plan import`: what documents ask for becomes a plan; what they claim stays a claim."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.books.documents import ImportReport, import_plan
from agent.errors import UsageError
from agent.plan import PartialTargets
from agent.workspace import Workspace
from tests.books.conftest import original
from tests.books.documents import CATALOGUE, REPORT, TODO

Write = Callable[[str, str], Path]
FILES = {
    "下降引理一.md": "下降引理（一）：平均收敛",
    "下降引理二.md": "下降引理（二）：末点收敛？",
    "步长的选择.md": "步长的选择",
    "采样一.md": "采样（一）：拒绝采样",
    "熵一.md": "熵（一）",
    "熵二.md": "熵（二)",
    "熵的两种定义.md": "熵的两种定义",
    "核一.md": "核的第一篇",
}


@pytest.fixture
def filled(workspace: Workspace, article: Write) -> Workspace:
    for name, title in FILES.items():
        article(name, original(title))
    (workspace.root / "PROGRESS_REPORT.md").write_text(REPORT, encoding="utf-8")
    (workspace.root / "TODO.md").write_text(TODO, encoding="utf-8")
    (workspace.root / "blog_list.txt").write_text(CATALOGUE, encoding="utf-8")
    return workspace


def tree(ws: Workspace) -> dict[str, list[str]]:
    return {s.id: [i.file for i in s.items] for b in ws.plan().batches for s in b.subs}


def conflict(report: ImportReport, subject: str) -> tuple[str, list[str]]:
    found = next(c for c in report.conflicts if c.subject == subject)
    return found.chosen, [f"{s.file}:{s.line}" for s in found.sources]


def test_the_tree(filled: Workspace) -> None:
    import_plan(filled)
    assert tree(filled) == {
        "1A": ["熵的两种定义.md"],
        "2A": ["熵一.md", "熵二.md"],
        "2B": ["核一.md"],
        "2B-2": ["采样一.md"],
        "2C": ["下降引理一.md", "下降引理二.md", "步长的选择.md"],
        "2D": [],
    }


def test_titles_focus_and_targets(filled: Workspace) -> None:
    import_plan(filled)
    batch = next(b for b in filled.plan().batches if b.id == "2")
    sub = next(s for s in batch.subs if s.id == "2C")
    assert batch.targets == PartialTargets(lines=120, formulas=10)
    assert sub.title == "收敛性理论"
    assert sub.targets == PartialTargets(lines=100, formulas=4)
    assert [i.focus for i in sub.items] == [
        ("凸性", "平均"),
        ("末点",),
        ("步长", "稳定域（谱半径）", "上界"),
    ]


def test_conflicts_name_every_place_and_the_newest_wins(filled: Workspace) -> None:
    report = import_plan(filled)
    assert conflict(report, "2C targets") == (
        "100+ lines, 4+ formulas",
        ["PROGRESS_REPORT.md:8", "PROGRESS_REPORT.md:89", "TODO.md:12"],
    )
    assert conflict(report, "2B is 2 sub-batches") == (
        "kept as 2B, 2B-2",
        ["TODO.md:16", "PROGRESS_REPORT.md:67"],
    )
    assert conflict(report, "熵的两种定义.md stands in two sub-batches") == (
        "1A",
        ["TODO.md:9", "TODO.md:18"],
    )


def test_what_no_file_answers_to_is_listed_and_never_guessed(filled: Workspace) -> None:
    report = import_plan(filled)
    lost = {u.title: u for u in report.unmatched}
    assert set(lost) == {'熵的"第三种"定义', "采样（二）：重要性采样"}
    assert lost["采样（二）：重要性采样"].reason == "no such file: blogs_raw/采样二.md"
    assert lost["采样（二）：重要性采样"].near == ("采样一.md",)
    assert lost['熵的"第三种"定义'].near[0] == "熵的两种定义.md"
    assert lost['熵的"第三种"定义'].source.line == 10


def test_two_files_with_one_title_are_not_chosen_between(filled: Workspace, article: Write) -> None:
    article("熵一副本.md", original("熵（一）"))
    report = import_plan(filled)
    lost = next(u for u in report.unmatched if u.title == "熵（一）")
    assert lost.reason == "2 files have this title"
    assert set(lost.near) == {"熵一.md", "熵一副本.md"}


def test_marks_are_claims(filled: Workspace) -> None:
    report = import_plan(filled)
    said = {(c.slug, c.claim, f"{c.source.file}:{c.source.line}") for c in report.claims}
    assert ("下降引理二", "done", "PROGRESS_REPORT.md:24") in said
    assert ("下降引理二", "open", "TODO.md:21") in said
    assert ("熵的两种定义", "done", "blog_list.txt:2") in said
    assert "done" not in (filled.root / "plan.toml").read_text(encoding="utf-8")
    assert filled.events.read() == ()


def test_importing_again_changes_nothing(filled: Workspace) -> None:
    first = import_plan(filled)
    second = import_plan(filled)
    assert first.changed
    assert not second.changed
    assert (second.added, second.kept) == ((), ())
    assert second.plan == first.plan


def test_line_ends_of_windows_stay(filled: Workspace) -> None:
    import_plan(filled)
    path = filled.root / "plan.toml"
    windows = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(windows)
    import_plan(filled)
    assert path.read_bytes() == windows
    (filled.outputs / "plan-import.json").unlink()
    path.write_bytes(b"# mine\r\n")
    import_plan(filled)
    after = path.read_bytes()
    assert after.startswith(b"# mine\r\n")
    assert after.count(b"\r\n") == after.count(b"\n") > 10


def test_a_title_with_other_marks_is_no_change(filled: Workspace) -> None:
    """One document writes a question mark where another has a colon; read in turn, they change nothing."""
    other = REPORT.replace("（二）：末点收敛", "（二）？末点收敛")
    assert other != REPORT
    (filled.root / "PROGRESS_REPORT.md").write_text(other, encoding="utf-8")
    import_plan(filled)
    todo = [filled.root / "TODO.md"]
    changes = [import_plan(filled, files).added for files in (todo, [], todo, [])]
    assert not any("末点收敛" in row for added in changes for row in added)


def test_a_look_writes_nothing(filled: Workspace) -> None:
    report = import_plan(filled, write=False)
    assert report.changed
    assert not (filled.root / "plan.toml").exists()
    assert not (filled.outputs / "plan-import.json").exists()


def edit(ws: Workspace, *changes: tuple[str, str]) -> None:
    path = ws.root / "plan.toml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def test_a_persons_edits_outlive_another_import(filled: Workspace) -> None:
    import_plan(filled)
    edit(
        filled,
        ("targets = {lines = 100, formulas = 4}", "targets = {lines = 500, formulas = 4} # long ones"),
        ('title = "步长的选择"', 'title = "步长"'),
        ('[[batch.sub.item]]\nfile = "采样一.md"\ntitle = "采样（一）：拒绝采样"\n', ""),
    )
    mine = (filled.root / "plan.toml").read_text(encoding="utf-8")
    report = import_plan(filled)
    assert (filled.root / "plan.toml").read_text(encoding="utf-8") == mine
    assert set(report.kept) == {
        "2C targets.lines stays 500 (documents: 100)",
        "步长的选择.md title stays 步长 (documents: 步长的选择)",
        "采样一.md stays deleted",
    }


def test_what_nobody_edited_follows_the_documents(filled: Workspace, article: Write) -> None:
    import_plan(filled)
    article("采样二.md", original("采样（二）"))
    newer = REPORT.replace("100+行，4+公式", "150+行，4+公式")
    (filled.root / "PROGRESS_REPORT.md").write_text(newer, encoding="utf-8")
    report = import_plan(filled)
    sub = next(s for s in filled.plan().batches[1].subs if s.id == "2C")
    assert sub.targets == PartialTargets(lines=150, formulas=4)
    assert tree(filled)["2B-2"] == ["采样一.md", "采样二.md"]
    assert set(report.added) == {"2C targets.lines = 150 (was 100)", "采样二.md in 2B-2"}


def test_a_sub_batch_that_was_renamed_keeps_its_name(filled: Workspace) -> None:
    import_plan(filled)
    edit(filled, ('id = "2B-2"', 'id = "2S"'))
    report = import_plan(filled)
    assert not report.changed
    assert tree(filled)["2S"] == ["采样一.md"]
    assert "2B-2" not in tree(filled)


def test_an_item_that_was_moved_stays_where_it_is(filled: Workspace) -> None:
    import_plan(filled)
    moved = '[[batch.sub.item]]\nfile = "核一.md"\ntitle = "核（一）"\n'
    edit(filled, (moved, ""))
    with open(filled.root / "plan.toml", "a", encoding="utf-8") as file:
        file.write("\n" + moved)
    report = import_plan(filled)
    assert tree(filled)["2D"] == ["核一.md"]
    assert tree(filled)["2B"] == []
    assert not report.changed


def test_without_the_record_of_the_last_import_the_plan_wins(filled: Workspace) -> None:
    import_plan(filled)
    edit(filled, ("targets = {lines = 100, formulas = 4}", "targets = {lines = 500, formulas = 4}"))
    (filled.outputs / "plan-import.json").write_text("[broken", encoding="utf-8")
    report = import_plan(filled)
    assert report.kept == ("2C targets.lines stays 500 (documents: 100)",)
    assert not report.changed


def test_a_plan_of_ones_own_is_added_to(filled: Workspace) -> None:
    own = '# mine\n[[batch]]\nid = "7"\n\n[[batch.sub]]\nid = "7A"\n\n[[batch.sub.item]]\nfile = "核一.md"\n'
    (filled.root / "plan.toml").write_text(own, encoding="utf-8")
    import_plan(filled)
    text = (filled.root / "plan.toml").read_text(encoding="utf-8")
    assert text.startswith('# mine\n[[batch]]\nid = "7"\n\n[[batch.sub]]\nid = "7A"\n\n[[batch.sub.item]]')
    assert tree(filled)["7A"] == ["核一.md"]
    assert tree(filled)["2B"] == []
    assert tomllib.loads(text)["batch"][0]["sub"][0]["item"][0]["title"] == "核（一）"


def test_documents_may_lie_anywhere(filled: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    far = tmp_path_factory.mktemp("far") / "report.md"
    os.replace(filled.root / "PROGRESS_REPORT.md", far)
    report = import_plan(filled, [far])
    assert report.documents == (str(far),)
    assert tree(filled) == {
        "2A": [],
        "2B": ["采样一.md"],
        "2C": ["下降引理一.md", "下降引理二.md", "步长的选择.md"],
        "2D": [],
    }


@pytest.mark.parametrize("path", ["../secret.md", "/etc/passwd.md", "blogs_raw/../../x.md"])
def test_a_path_in_a_document_never_leaves_the_workspace(filled: Workspace, path: str) -> None:
    text = REPORT.replace("`blogs_raw/步长的选择.md`", f"`{path}`")
    (filled.root / "PROGRESS_REPORT.md").write_text(text, encoding="utf-8")
    report = import_plan(filled)
    lost = next(u for u in report.unmatched if u.title == "步长的选择")
    assert lost.reason == f"the path leaves the workspace: {path}"
    assert "步长的选择.md" not in report.plan


def test_nothing_to_import(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no document"):
        import_plan(workspace)
