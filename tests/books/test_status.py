"""Where every article stands, and the index that may be deleted at any time."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import article as articles
from agent.books.index import Index, front_matter, look_at
from agent.books.status import Counts, Status, status
from agent.errors import PathEscape, UsageError
from agent.workspace import Workspace, find
from tests import corpus
from tests.books.conftest import expanded, original

Write = Callable[[str, str], Path]
PLAN = """
[[batch]]
id = "1"

[[batch.sub]]
id = "1A"
targets = { lines = 50, formulas = 3 }

[[batch.sub.item]]
file = "a.md"
title = "甲"

[[batch.sub.item]]
file = "b.md"

[[batch.sub.item]]
file = "gone.md"

[[batch.sub]]
id = "1B"

[[batch.sub.item]]
file = "a.md"
"""


@pytest.fixture
def planned(workspace: Workspace, article: Write) -> Workspace:
    article("a.md", original("甲的原题", 40))
    article("b.md", original("乙", 60, formulas=4))
    article("c.md", original("丙", 30))
    article("hand.md", expanded("丁", 90))
    (workspace.root / "plan.toml").write_text(PLAN, encoding="utf-8")
    return workspace


def shown(whole: Status) -> dict[str, str]:
    return {a.slug: a.status for a in whole.articles()}


def test_each_article_once_in_plan_order(planned: Workspace) -> None:
    whole = status(planned)
    assert shown(whole) == {
        "a": "pending",
        "b": "pending",
        "gone": "missing",
        "c": "pending",
        "hand": "by-hand",
    }
    assert whole.counts == Counts(total=5, pending=3, by_hand=1, missing=1)
    assert [a.slug for a in whole.unplanned] == ["c", "hand"]
    assert [s.counts.total for s in whole.batches[0].subs] == [3, 1]
    assert whole.batches[0].counts.total == 3


def test_lines_formulas_and_targets_are_measured(planned: Workspace) -> None:
    whole = status(planned)
    a, b = whole.find("a"), whole.find("b")
    assert a is not None
    assert b is not None
    text = (planned.root / a.file).read_text(encoding="utf-8")
    assert (a.lines, a.formulas) == (text.count("\n"), 2)
    assert [(t.name, t.wanted, t.got, t.met) for t in a.targets] == [
        ("lines", 50, a.lines, False),
        ("formulas", 3, 2, False),
    ]
    assert b.met
    assert (a.title, b.title) == ("甲", "乙")
    assert whole.lines == sum(x.lines for x in whole.articles())


def test_the_whole_life_of_an_article(planned: Workspace) -> None:
    log = planned.events
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("picked", {"sha256": "0"}, "pending"),
        ("failed", {"error": "cut off"}, "failed"),
        ("drafted", {"sha256": "0"}, "draft"),
        ("rejected", {"note": "no"}, "pending"),
        ("drafted", {"sha256": "0"}, "draft"),
        ("accepted", {"sections": ["x"], "of": ["x"]}, "accepted"),
        ("merged", {}, "merged"),
        ("undone", {}, "draft"),
    ]
    for kind, data, expected in steps:
        log.append(kind, "b", **data)
        assert shown(status(planned))["b"] == expected, kind
    log.append("merged", "b")
    assert status(planned).counts.done == 1


def test_a_draft_is_measured_itself_and_a_changed_source_is_seen(planned: Workspace) -> None:
    folder = planned.output("a")
    folder.mkdir(parents=True)
    (folder / "draft.md").write_text(expanded("甲", 70, formulas=5), encoding="utf-8")
    planned.events.append("drafted", "a", sha256="of another text")
    a = status(planned).find("a")
    assert a is not None
    assert (a.draft_lines, a.draft_formulas) == (70, 5)
    assert a.met
    assert a.changed
    assert a.lines < 70


def test_added_targets_count_what_was_added(planned: Workspace) -> None:
    text = (
        (planned.root / "plan.toml")
        .read_text(encoding="utf-8")
        .replace("lines = 50", "lines = 50, added = true")
    )
    (planned.root / "plan.toml").write_text(text, encoding="utf-8")
    a = status(planned).find("a")
    assert a is not None
    assert [t.got for t in a.targets] == [0, 0]
    planned.events.append("merged", "a", before={"lines": 30, "formulas": 1})
    a = status(planned).find("a")
    assert a is not None
    assert [t.got for t in a.targets] == [a.lines - 30, 1]


def test_finished_by_hand_needs_the_stub_gone(planned: Workspace, article: Write) -> None:
    article("c.md", original("丙", 30, status="completed"))
    whole = status(planned)
    hand = whole.find("hand")
    assert hand is not None
    assert not hand.recorded
    assert shown(whole)["c"] == "pending"
    planned.events.append("adopted", "hand")
    hand = status(planned).find("hand")
    assert hand is not None
    assert (hand.status, hand.recorded) == ("by-hand", True)


def test_one_bad_file_does_not_stop_the_rest(planned: Workspace) -> None:
    (planned.root / "blogs_raw" / "c.md").write_bytes(b"ok\n\xff\xfe")
    whole = status(planned)
    c = whole.find("c")
    assert c is not None
    assert "not UTF-8 at byte 3" in c.error
    assert whole.counts.total == 5


def test_a_plan_item_that_links_out_of_the_workspace_is_an_error(
    planned: Workspace, tmp_path_factory: Any
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.md"
    outside.write_text("secret\n", encoding="utf-8")
    os.symlink(outside, planned.root / "blogs_raw" / "gone.md")
    with pytest.raises(PathEscape, match=r"gone\.md"):
        status(planned)


def test_two_files_with_one_slug(planned: Workspace) -> None:
    (planned.root / "blogs_raw" / "sub").mkdir()
    (planned.root / "blogs_raw" / "sub" / "a.md").write_text("x\n", encoding="utf-8")
    with pytest.raises(UsageError, match="share the slug a"):
        status(planned)


def test_an_empty_workspace(workspace: Workspace) -> None:
    os.rmdir(workspace.root / "blogs_raw")
    assert status(workspace).counts == Counts()


def test_it_is_json_without_help(planned: Workspace) -> None:
    raw = json.loads(json.dumps(dataclasses.asdict(status(planned))))
    assert raw["batches"][0]["subs"][0]["articles"][0]["targets"][0]["met"] is False


# The index


def reads(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which files a look at the workspace really reads."""
    opened: list[Path] = []
    real = Path.read_bytes

    def read_bytes(self: Path) -> bytes:
        opened.append(self)
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", read_bytes)
        status(ws)
    return [p for p in opened if p.suffix == ".md"]


def age(ws: Workspace) -> None:
    """Set the files' times far enough back that they are past doubt, whatever the clock's ticks."""
    for path in ws.articles.rglob("*.md"):
        os.utime(path, ns=(1_700_000_000_123_456_789,) * 2)


def old(ws: Workspace) -> Index:
    """An index that believes it is an hour later, so that no entry counts as racy."""
    import time

    return Index(ws, clock=lambda: time.time_ns() + 3600 * 10**9)


def test_unchanged_files_are_not_read_again(planned: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    index = old(planned)
    before = {p: index.look(p) for p in planned.slugs().values()}
    index.save()
    assert reads(planned, monkeypatch) == []
    assert look_at(planned, planned.slugs().values()) == before


def test_each_file_is_read_once_however_often_it_is_named(
    planned: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = reads(planned, monkeypatch)
    assert sorted(p.name for p in opened) == ["a.md", "b.md", "c.md", "hand.md"]


def test_a_change_of_same_size_and_time_is_seen(planned: Workspace) -> None:
    path = planned.root / "blogs_raw" / "c.md"
    age(planned)
    index = old(planned)
    first = index.look(path)
    index.save()
    data = path.read_bytes()
    path.write_bytes(data.replace("丙".encode(), "己".encode()))
    os.utime(path, ns=(1_700_000_000_123_456_789,) * 2)
    second = look_at(planned, [path])[path]
    assert first is not None
    assert (first.title, second.title) == ("丙", "己")


def test_a_file_that_has_only_just_changed_is_not_remembered(planned: Workspace) -> None:
    path = planned.root / "blogs_raw" / "c.md"
    stamp = path.stat().st_mtime_ns
    index = Index(planned, clock=lambda: stamp)
    index.look(path)
    index.save()
    stored = json.loads((planned.outputs / "index.json").read_bytes())["files"]
    assert "blogs_raw/c.md" not in stored


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"[]", b'{"format": 1}', b"\xff\xfe", b"null", b'{"format": "3 0.1.0", "files": {"blogs_raw/c.md": [1]}}']
)  # fmt: skip
def test_a_corrupt_index_is_ignored(planned: Workspace, junk: bytes) -> None:
    expected = status(planned)
    (planned.outputs / "index.json").write_bytes(junk)
    assert status(planned) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_any_damage_to_the_index_is_harmless(planned: Workspace, data: st.DataObject) -> None:
    index = old(planned)
    expected = {p: index.look(p) for p in planned.slugs().values()}
    index.save()
    raw = json.loads((planned.outputs / "index.json").read_bytes())
    name = data.draw(st.sampled_from(sorted(raw["files"])))
    field = data.draw(st.integers(0, 11))
    raw["files"][name][field : field + 1] = data.draw(
        st.lists(st.sampled_from([None, "", [], {}, 1.5, True]), max_size=2)
    )
    (planned.outputs / "index.json").write_text(json.dumps(raw), encoding="utf-8")
    seen = look_at(planned, planned.slugs().values())
    # Only a time or size that no longer fits, or a record of the wrong shape, may have been put there: the
    # files are read again and come out the same.
    assert {p: (e.lines, e.formulas, e.title) for p, e in seen.items()} == {
        p: (e.lines, e.formulas, e.title) for p, e in expected.items() if e
    }


def test_the_index_can_be_deleted_and_the_folder_may_be_read_only(planned: Workspace) -> None:
    expected = status(planned)
    (planned.outputs / "index.json").unlink()
    # A file where the folder should be: nothing can be written there, whoever runs the test.
    os.rmdir(planned.outputs)
    planned.outputs.write_text("not a folder", encoding="utf-8")
    index = Index(planned)
    assert {p: e.lines for p in planned.slugs().values() if (e := index.look(p))} == {
        planned.root / a.file: a.lines for a in expected.articles() if a.status != "missing"
    }
    index.save()
    assert planned.outputs.read_text(encoding="utf-8") == "not a folder"


def test_what_the_index_reads_is_what_the_reader_reads() -> None:
    for path in corpus.files():
        data = path.read_bytes()
        whole = articles.read(data, path.name)
        fields = whole.front.fields if whole.front else {}
        quick = front_matter(data)
        assert quick.get("title", "") == fields.get("title", ""), path.name
        assert quick.get("status", "") == fields.get("status", ""), path.name
        assert quick.get("tags", "") == fields.get("tags", ""), path.name
        assert articles.has_stub(data) == (articles.stub_lines(whole) is not None), path.name


@pytest.mark.parametrize(
    "head",
    [
        "---\ntitle: 甲\nprose without a colon\n---\n", "---\n  title: 缩进\n---\n", f"---\n{'k: v' * 2000}\ntitle: 乙\n---\n",
        "--- \ntitle : 丙\n---\n", "---\ntitle: 丁\n----\n",
    ],
)  # fmt: skip
def test_front_matter_has_one_reader(head: str) -> None:
    front = articles.read(head.encode(), "a.md").front
    assert dict(front_matter(head.encode())) == dict(front.fields if front else {})


def test_status_leaves_heavy_packages_out(planned: Workspace) -> None:
    program = (
        "import sys; from pathlib import Path; from agent.workspace import find; "
        "from agent.books.status import status; status(find(Path(sys.argv[1]))); "
        "print(*[m for m in ('openai', 'langchain', 'numpy', 'markdown_it', 'jinja2', 'tiktoken', 'rich', "
        "'tomlkit') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(planned.root)],
        cwd=Path(__file__).resolve().parents[2], check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == ""


def test_the_benchmarks_workspace_is_what_it_says(tmp_path: Path) -> None:
    from benchmarks.status import make

    written = make(tmp_path, 6, 3000)
    whole = status(find(tmp_path))
    assert whole.counts.total == 6
    assert len(whole.unplanned) == 3
    assert written == sum(p.stat().st_size for p in (tmp_path / "blogs_raw").iterdir())
    assert all(a.formulas > 0 for a in whole.articles())
