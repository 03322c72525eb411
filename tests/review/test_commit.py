"""One well-formed commit for one article, holding what belongs to it and nothing else."""

from __future__ import annotations

from functools import partial

import pytest

from agent.commands.workspaces import update_report
from agent.errors import UsageError
from agent.merge import merge, undo
from agent.merge.commit import branch_part
from agent.review.decide import accept
from tests.review.desk import ARTICLE, Desk


@pytest.fixture
def committed(desk: Desk) -> Desk:
    desk.repository()
    accept(desk.ws, desk.slug)
    return desk


def files(desk: Desk, commit: str) -> set[str]:
    return set(desk.git("show", "--name-only", "--format=", "-z", commit).strip("\0").split("\0"))


def test_one_commit(committed: Desk) -> None:
    desk = committed
    (desk.root / "note.txt").write_text("somebody else's work")
    desk.git("add", "note.txt")
    done = merge(desk.ws, desk.slug, commit=True, refresh=partial(update_report, desk.ws))
    assert desk.git("rev-parse", "HEAD").strip() == done.commit
    names = files(desk, done.commit)
    assert names >= {f"blogs_raw/{desk.slug}.md", "PROGRESS_REPORT.md", "outputs/progress.jsonl"}
    assert "note.txt" not in names, "what is staged for something else stays staged"
    assert not any("/merges/" in n or n.endswith("ledger.db") for n in names)
    assert desk.git("status", "--porcelain").strip() == "A  note.txt"
    message = desk.git("log", "-1", "--format=%B")
    subject, blank, *body = message.split("\n")
    assert len(subject) <= 72
    assert subject.startswith("Expand 两数之和: +")
    assert blank == ""
    assert all(len(line) <= 72 or "Expand-" in line or " " not in line for line in body)
    trailers = desk.git("log", "-1", "--format=%(trailers:only)").strip().split("\n")
    assert f"Expand-Slug: {desk.slug}" in trailers
    assert any(t.startswith("Expand-Source-SHA256: ") and len(t.split()[1]) == 64 for t in trailers)


def test_what_git_ignores_stays_out(committed: Desk) -> None:
    desk = committed
    with (desk.root / ".gitignore").open("a") as file:
        file.write("/outputs/*/assets/\n/outputs/*/report.json\n/PROGRESS_REPORT.md\n")
    figures = desk.folder / "assets" / desk.slug
    figures.mkdir(parents=True, exist_ok=True)
    (figures / "x.png").write_bytes(b"x")
    desk.git("rm", "-rq", "--cached", "--ignore-unmatch", "outputs", "PROGRESS_REPORT.md")
    desk.git("add", ".gitignore")
    desk.git("commit", "-qm", "ignored")
    done = merge(desk.ws, desk.slug, commit=True, refresh=partial(update_report, desk.ws))
    names = files(desk, done.commit)
    assert f"blogs_raw/{desk.slug}.md" in names
    assert f"outputs/{desk.slug}/draft.md" in names
    assert not any("/assets/" in n or n.endswith(("report.json", "PROGRESS_REPORT.md")) for n in names)


def test_a_commit_that_git_refuses_leaves_nothing_staged(committed: Desk) -> None:
    desk = committed
    hook = desk.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho spelling >&2\necho line seven >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(UsageError, match="spelling") as caught:
        merge(desk.ws, desk.slug, commit=True)
    assert "line seven" in caught.value.hint
    assert desk.git("diff", "--cached", "--name-only") == ""
    hook.unlink()
    assert merge(desk.ws, desk.slug, commit=True).commit, "the merge stands, and is committed now"


def test_the_report_in_the_commit_counts_the_merge(committed: Desk) -> None:
    merge(committed.ws, committed.slug, commit=True, refresh=partial(update_report, committed.ws))
    assert (
        committed.git("show", "HEAD:PROGRESS_REPORT.md")
        == (committed.root / "PROGRESS_REPORT.md").read_text()
    )
    assert "merged" in committed.git("show", "HEAD:outputs/progress.jsonl").split("\n")[-2]


def test_a_branch_of_its_own(committed: Desk) -> None:
    desk = committed
    done = merge(desk.ws, desk.slug, commit=True, branch="")
    assert done.branch == f"expand/{desk.slug}"
    assert desk.git("branch", "--show-current").strip() == done.branch
    assert desk.git("show", f"main:blogs_raw/{desk.slug}.md") == ARTICLE
    assert desk.git("log", "--format=%H", f"main..{done.branch}").split() == [done.commit]


def test_a_branch_that_exists_is_not_overwritten(committed: Desk) -> None:
    desk = committed
    desk.git("branch", "taken")
    with pytest.raises(UsageError, match="switch"):
        merge(desk.ws, desk.slug, commit=True, branch="taken")
    assert desk.article == ARTICLE, "refused before anything was written"


def test_without_a_repository_nothing_is_written(desk: Desk) -> None:
    accept(desk.ws, desk.slug)
    with pytest.raises(UsageError, match="git"):
        merge(desk.ws, desk.slug, commit=True)
    assert desk.article == ARTICLE


def test_a_merge_can_be_committed_later(committed: Desk) -> None:
    desk = committed
    merge(desk.ws, desk.slug)
    assert desk.git("log", "--format=%s").strip() == "as it was"
    done = merge(desk.ws, desk.slug, commit=True)
    assert done.commit
    assert desk.kinds().count("merged") == 1
    again = merge(desk.ws, desk.slug, commit=True)
    assert again.commit == "", "there is nothing left to commit"


def test_an_undo_after_a_commit_restores_the_bytes(committed: Desk) -> None:
    desk = committed
    merge(desk.ws, desk.slug, commit=True)
    undo(desk.ws, desk.slug)
    assert desk.article == ARTICLE


@pytest.mark.parametrize(
    ("slug", "part"),
    [
        ("a b", "a-b"),
        ("a..b", "a-b"),
        ("为什么？", "为什么？"),
        ("x:y*z[1]", "x-y-z-1]"),
        ("..", "article"),
        ("a.lock", "a"),
    ],
)
def test_names_of_branches(slug: str, part: str) -> None:
    assert branch_part(slug) == part
