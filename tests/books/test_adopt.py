"""Originals from git history, and what was expanded by hand put on record against them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.article import has_stub
from agent.books.adopt import adopt, original_in_git
from agent.books.originals import choose, grew, original
from agent.books.status import status
from agent.errors import UsageError
from agent.workspace import Workspace, derive, git, hold
from tests.books.conftest import commit_all, expanded
from tests.books.conftest import git as run_git
from tests.books.conftest import original as written

Write = Callable[[str, str], Path]


@pytest.fixture
def repository(workspace: Workspace) -> Workspace:
    run_git(workspace.root, "init", "-q", "-b", "main")
    return workspace


@pytest.fixture
def books(repository: Workspace, article: Write) -> Workspace:
    """grown: committed with stub, then expanded. hand: completed, never in history as an original.
    plain: untouched. still: completed but holds its stub."""
    article("grown.md", written("甲", 40))
    article("plain.md", written("乙", 40))
    article("still.md", written("丙", 40, status="completed"))
    commit_all(repository.root, "originals")
    article("grown.md", expanded("甲", 200, formulas=9))
    article("hand.md", expanded("丁", 120))
    commit_all(repository.root, "expanded")
    return repository


# Originals


def text(lines: int, *, stub: bool = False) -> bytes:
    return b"x\n" * lines + ("## 公式推导与注释\n\nTODO: x\n".encode() if stub else b"")


@pytest.mark.parametrize(
    ("versions", "present", "expected"),
    [
        ([text(40, stub=True)], text(300), (0, "stub")),
        ([text(20, stub=True), text(40, stub=True), text(300)], text(400), (1, "stub")),
        ([text(40), text(42), text(300)], text(900), (1, "growth")),
        ([text(40)], text(300), (0, "growth")),
        # The stub was left standing under the expansion: only growth can tell.
        ([text(40, stub=True), text(300, stub=True)], text(310, stub=True), (0, "growth")),
        ([text(40, stub=True)], text(42, stub=True), None),
        ([text(40)], text(45), None),
        ([], text(45), None),
    ],
)
def test_which_version_is_the_original(
    versions: list[bytes], present: bytes, expected: tuple[int, str] | None
) -> None:
    assert choose(versions, present) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(40, 200, True), (40, 89, False), (40, 90, True), (200, 260, False), (0, 60, True)],
)
def test_growth(before: int, after: int, expected: bool) -> None:
    assert grew(before, after) is expected


def test_the_original_of_a_file(books: Workspace) -> None:
    found = original(books.root / "blogs_raw" / "grown.md")
    assert found is not None
    assert has_stub(found.data)
    assert found.reason == "stub"
    assert found.commit == run_git(books.root, "rev-list", "--max-parents=0", "HEAD").strip()
    assert original(books.root / "blogs_raw" / "plain.md") is None


def test_an_original_is_found_through_a_rename_and_a_merge(books: Workspace) -> None:
    run_git(books.root, "checkout", "-q", "-b", "side", "HEAD~1")
    run_git(books.root, "mv", "blogs_raw/plain.md", "blogs_raw/新名.md")
    commit_all(books.root, "rename")
    path = books.root / "blogs_raw" / "新名.md"
    path.write_text(expanded("乙", 300), encoding="utf-8")
    commit_all(books.root, "expand")
    run_git(books.root, "checkout", "-q", "main")
    run_git(books.root, "merge", "-q", "--no-ff", "-m", "merge", "side")
    found = original(path)
    assert found is not None
    assert has_stub(found.data)


def test_history_of_a_workspace_below_the_repositorys_root(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    inner = tmp_path / "site" / "blogs_raw"
    inner.mkdir(parents=True)
    (inner / "a.md").write_text(written("甲", 40), encoding="utf-8")
    commit_all(tmp_path, "one")
    histories = git.histories(tmp_path / "site", "blogs_raw")
    assert list(histories) == ["blogs_raw/a.md"]


def test_git_is_not_led_elsewhere_by_the_environment(
    books: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_WORK_TREE", "/nonexistent")
    assert git.tracked(books.root)
    assert "blogs_raw/grown.md" in git.histories(books.root, "blogs_raw")


def test_reading_history_starts_no_program_of_the_repository(books: Workspace) -> None:
    trap = books.root / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {books.root}/sprung\n", encoding="utf-8")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "core.pager", "gpg.program"):
        run_git(books.root, "config", key, str(trap))
    run_git(books.root, "config", "log.showSignature", "true")
    assert git.histories(books.root, "blogs_raw")
    assert not (books.root / "sprung").exists()


def test_a_commit_takes_only_what_it_is_given(books: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{key}_NAME", "a")
        monkeypatch.setenv(f"{key}_EMAIL", "a@b")
    one, two = (books.root / "blogs_raw" / n for n in ("new [1].md", "other.md"))
    one.write_text("one\n", encoding="utf-8")
    two.write_text("two\n", encoding="utf-8")
    run_git(books.root, "add", "blogs_raw/other.md")
    head = git.commit(books.root, [one], "only one")
    assert run_git(books.root, "show", "--name-only", "--format=%s", head).split("\n")[:3] == [
        "only one",
        "",
        "blogs_raw/new [1].md",
    ]
    assert "A  blogs_raw/other.md" in run_git(books.root, "status", "--porcelain")


# Adopting


def test_what_was_expanded_by_hand_is_recorded_once(books: Workspace) -> None:
    report = adopt(books)
    assert [(r.slug, r.reason, r.recorded) for r in report.rows] == [
        ("grown", "grown", True),
        ("hand", "completed", True),
    ]
    again = adopt(books)
    assert [(r.slug, r.known, r.recorded) for r in again.rows] == [
        ("grown", True, False),
        ("hand", True, False),
    ]
    assert [e.kind for e in books.events.read()] == ["adopted", "adopted"]


def test_it_is_measured_against_its_original(books: Workspace) -> None:
    row = adopt(books).rows[0]
    assert row.before is not None
    assert row.after is not None
    before = run_git(books.root, "show", f"{row.original}")
    assert row.before.lines == before.count("\n")
    assert (row.before.formulas, row.after.lines, row.after.formulas) == (2, 200, 9)
    assert [(t.name, t.wanted, t.got, t.met) for t in row.targets] == [
        ("lines", 1000, 200, False),
        ("formulas", 40, 9, False),
    ]
    assert not row.met


def test_without_an_original_nothing_is_made_up(books: Workspace) -> None:
    row = adopt(books).rows[1]
    assert row.before is None
    assert row.original == ""
    event = books.events.read()[1]
    assert event.data["before"] is None
    assert event.data["after"]["lines"] == 120


def test_next_passes_over_them_and_totals_are_right(books: Workspace) -> None:
    adopt(books)
    states = derive(books.events.read())
    assert {s: states[s].open for s in states} == {"grown": False, "hand": False}
    whole = status(books)
    assert (whole.counts.by_hand, whole.counts.pending) == (2, 2)
    assert all(a.recorded for a in whole.articles())


def test_a_file_that_changed_since_is_measured_again(books: Workspace, article: Write) -> None:
    adopt(books)
    article("grown.md", expanded("甲", 260, formulas=9))
    assert [(r.slug, r.recorded) for r in adopt(books).rows] == [("grown", True), ("hand", False)]


def test_a_look_records_nothing(books: Workspace) -> None:
    rows = adopt(books, write=False).rows
    assert [r.recorded for r in rows] == [False, False]
    assert books.events.read() == ()


def test_named_files_only_and_why_not(books: Workspace) -> None:
    folder = books.root / "blogs_raw"
    report = adopt(books, [folder / "plain.md", Path("blogs_raw/still.md"), Path("grown")])
    assert {r.slug: r.recorded for r in report.rows} == {"plain": False, "still": False, "grown": True}
    assert all("stub is still there" in r.reason for r in report.rows if not r.recorded)
    assert [e.slug for e in books.events.read()] == ["grown"]


def test_a_file_that_is_no_article(books: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    far = tmp_path_factory.mktemp("far") / "x.md"
    far.write_text("x\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no article of this workspace"):
        adopt(books, [far])


def test_our_own_work_is_not_by_hand(books: Workspace, article: Write) -> None:
    books.events.append("merged", "grown")
    article("hand.md", expanded("丁", 120) + "<!-- expand:begin a glue=0 -->\n\nx\n\n<!-- expand:end a -->\n")
    assert adopt(books).rows == ()


def test_an_article_that_is_being_worked_on_is_left(books: Workspace) -> None:
    with hold(books.locks, "grown"):
        report = adopt(books)
    assert {r.slug: r.recorded for r in report.rows} == {"grown": False, "hand": True}
    assert "being worked on" in report.rows[0].reason


def test_without_git_completed_ones_are_still_found(workspace: Workspace, article: Write) -> None:
    article("hand.md", expanded("丁", 120))
    report = adopt(workspace)
    assert not report.history
    assert [(r.slug, r.reason) for r in report.rows] == [("hand", "completed")]


def test_a_file_that_cannot_be_measured_is_told(workspace: Workspace) -> None:
    (workspace.root / "blogs_raw" / "bad.md").write_bytes(b"\xff\n")
    assert "not UTF-8 at byte 0" in adopt(workspace).rows[0].reason


def test_git_that_is_missing(books: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    assert not git.tracked(books.root)
    with pytest.raises(UsageError, match="not installed"):
        git.histories(books.root)


def test_the_original_for_a_check(books: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    found = original_in_git(books.root / "blogs_raw" / "grown.md")
    assert found == run_git(books.root, "show", "HEAD~1:blogs_raw/grown.md").encode()
    assert original_in_git(books.root / "blogs_raw" / "plain.md") is None
    with pytest.raises(UsageError, match=r"gone\.md"):
        original_in_git(books.root / "gone.md")
    outside = tmp_path_factory.mktemp("outside") / "x.md"
    outside.write_text("x\n", encoding="utf-8")
    with pytest.raises(UsageError, match="git log failed"):
        original_in_git(outside)
