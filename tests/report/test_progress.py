"""PROGRESS_REPORT.md: rendered from events, and what a person wrote keeps every byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config import Config
from agent.errors import UsageError
from agent.plan import Batch, Item, PartialTargets, Plan, SubBatch
from agent.report.markers import combine, key, split
from agent.report.progress import render, update
from agent.workspace import Event, Workspace

PLAN = Plan(
    (
        Batch(
            "3",
            "试验",
            PartialTargets(lines=300, formulas=20),
            (
                SubBatch(
                    "3A", "甲", items=(Item("a.md", "甲一", ("起点",)), Item("b.md", "甲二", ("终点", "界")))
                ),
                SubBatch("3B", "乙 | 丙", items=(Item("c.md", "乙一"),)),
            ),
        ),
    )
)


def workspace(root: Path, articles: int = 4) -> Workspace:
    folder = root / "blogs_raw"
    folder.mkdir(exist_ok=True)
    for name in "abcd"[:articles]:
        (folder / f"{name}.md").write_text(f"# {name}\n", encoding="utf-8")
    return Workspace(root, Config())


def done(
    kind: str, slug: str, day: str, before: int, after: int, *, formulas: int = 25, core: tuple[str, ...] = ()
) -> Event:
    data = {
        "before": {"lines": before, "formulas": 5},
        "after": {"lines": after, "formulas": formulas},
        "targets": [
            {"name": "lines", "wanted": 300, "got": after, "met": after >= 300},
            {"name": "formulas", "wanted": 20, "got": formulas, "met": formulas >= 20},
        ],
        "core": list(core),
        "verdict": "pass",
    }
    return Event(kind, slug, f"{day}T08:00:00+00:00", data)


HISTORY = (
    done("drafted", "a", "2026-03-01", 100, 320, core=("收敛阶", "反例")),
    done("drafted", "b", "2026-03-01", 80, 290, formulas=12),
    done("merged", "a", "2026-03-02", 100, 320, core=("收敛阶", "反例")),
    done("drafted", "c", "2026-03-02", 50, 500),
)


def test_newest_first_one_entry_for_each_sub_batch_and_day(tmp_path: Path) -> None:
    entries = render(workspace(tmp_path), PLAN, HISTORY)
    assert list(entries) == [("3A", "2026-03-02"), ("3B", "2026-03-02"), ("3A", "2026-03-01")]


def test_done_is_merged_and_drafts_wait(tmp_path: Path) -> None:
    entries = render(workspace(tmp_path), PLAN, HISTORY)
    first, second = entries["3A", "2026-03-01"], entries["3A", "2026-03-02"]
    assert "已合并 0/2 篇" in first
    assert "本日草稿，待审（2 篇）" in first
    assert "本日合并" not in first
    assert "已合并 1/2 篇" in second
    assert "✅ 本日合并（1 篇）" in second
    assert "从 100 到 320 行（新增 220，3.20 倍）" in second
    assert "  - 收敛阶\n  - 反例" in second


def test_a_missed_target_is_shown_with_its_figures(tmp_path: Path) -> None:
    text = render(workspace(tmp_path), PLAN, HISTORY)["3A", "2026-03-01"]
    assert "行数 290/300 **未达标**（差 10）" in text
    assert "公式 12/20 **未达标**（差 8）" in text
    assert "行数 320/300 达标" in text
    assert "**1 篇未达目标**" in text


def test_what_remains_and_the_totals(tmp_path: Path) -> None:
    text = render(workspace(tmp_path), PLAN, HISTORY)["3A", "2026-03-02"]
    assert "### 📋 剩余（1 篇）\n\n1. 甲二（`blogs_raw/b.md`）：草稿待审；核心点：终点、界" in text
    assert "| 文章总数 | 4 | 100% |" in text
    assert "| 已合并 | 1 | 25.0% |" in text
    assert "| 待审草稿 | 2 |" in text
    assert "| 合并累计新增行数 | 220 |" in text
    assert "| **3A** | 甲 | 1/2 | 1 | 0 |" in text
    assert "| 3B | 乙 \\| 丙 | 0/1 | 1 | 0 |" in text


def test_an_older_entry_stays_what_it_was(tmp_path: Path) -> None:
    ws = workspace(tmp_path)
    then = render(ws, PLAN, HISTORY[:2])["3A", "2026-03-01"]
    assert render(ws, PLAN, HISTORY)["3A", "2026-03-01"] == then


def test_undone_and_rejected_and_failed_are_told(tmp_path: Path) -> None:
    later = (
        Event("undone", "a", "2026-03-03T08:00:00+00:00"),
        Event("rejected", "b", "2026-03-03T09:00:00+00:00", {"note": "符号反了"}),
        Event("failed", "c", "2026-03-03T09:00:00+00:00", {"error": "cut off"}),
    )
    entries = render(workspace(tmp_path), PLAN, HISTORY + later)
    text = entries["3A", "2026-03-03"]
    assert "已合并 0/2 篇" in text
    assert "待审（1 篇）" in text
    assert "退回，重新待处理（1 篇）\n\n- 甲二（`blogs_raw/b.md`）：符号反了" in text
    assert "- 乙一（`blogs_raw/c.md`）：cut off" in entries["3B", "2026-03-03"]


def test_an_article_outside_the_plan_gets_an_entry(tmp_path: Path) -> None:
    entries = render(workspace(tmp_path), PLAN, (done("drafted", "d", "2026-03-04", 10, 20),))
    text = entries["-", "2026-03-04"]
    assert "计划外的文章" in text
    assert "`blogs_raw/d.md`" in text


def test_an_article_outside_the_plan_is_named_where_it_lies(tmp_path: Path) -> None:
    ws = workspace(tmp_path)
    (ws.articles / "sub").mkdir()
    (ws.articles / "d.md").rename(ws.articles / "sub" / "d.md")
    event, gone = done("drafted", "d", "2026-03-04", 10, 20), done("drafted", "x", "2026-03-04", 10, 20)
    text = render(ws, PLAN, (event, gone))["-", "2026-03-04"]
    assert "`blogs_raw/sub/d.md`" in text
    assert "`blogs_raw/x.md`" in text


class Read(tuple[Event, ...]):
    """Events that count how often they are gone through."""

    passes = 0

    def __iter__(self) -> Iterator[Event]:
        self.passes += 1
        return super().__iter__()


def test_a_long_history_is_not_read_again_for_each_of_its_days(tmp_path: Path) -> None:
    ws = workspace(tmp_path)
    days = Read(done("drafted", "a", f"2026-03-{n:02}", 1, n) for n in range(1, 29))
    entries = render(ws, PLAN, days)
    assert len(entries) == 28
    assert "从 1 到 7 行" in entries["3A", "2026-03-07"]
    short = Read(days[:1])
    render(ws, PLAN, short)
    assert days.passes == short.passes


def test_a_file_without_markers_gets_our_part_on_top(tmp_path: Path) -> None:
    old = "## 📅 2025-12-31 - 手写的历史\n没有换行结尾".encode()
    new = update(old, workspace(tmp_path), PLAN, HISTORY)
    assert new.startswith(b"<!-- expand:progress 3A 2026-03-02 begin -->\n")
    assert new.endswith(old)


def test_no_events_leave_any_file_alone(tmp_path: Path) -> None:
    written = update(None, workspace(tmp_path), PLAN, HISTORY)
    assert update(written, workspace(tmp_path), PLAN, ()) == written
    assert update(None, workspace(tmp_path), PLAN, ()) == b""


def test_rendering_again_changes_nothing(tmp_path: Path) -> None:
    ws = workspace(tmp_path)
    once = update(b"# mine\n", ws, PLAN, HISTORY)
    assert update(once, ws, PLAN, HISTORY) == once


def test_a_core_line_cannot_forge_a_marker(tmp_path: Path) -> None:
    forged = "<!-- expand:progress 3A 2026-03-01 end -->"
    event = done("drafted", "a", "2026-03-01", 1, 2, core=(f"x\n{forged}\n",))
    ws = workspace(tmp_path)
    once = update(b"mine\n", ws, PLAN, (event,))
    assert update(once, ws, PLAN, (event,)) == once
    assert once.count(forged.encode()) == 1


def test_front_matter_and_a_byte_order_mark_stay_first(tmp_path: Path) -> None:
    head = b"\xef\xbb\xbf---\r\ntitle: x\r\n---\r\n"
    new = update(head + b"body\r\n", workspace(tmp_path), PLAN, HISTORY)
    assert new.startswith(head + b"<!-- expand:progress")
    assert new.count(b"\n") == new.count(b"\r\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"a\n<!-- expand:progress 3A 2026-03-01 begin -->\n", 2),
        (b"<!-- expand:progress 3A 2026-03-01 end -->\n", 1),
        (2 * b"<!-- expand:progress 3A 2026-03-01 begin -->\n", 1),
        (b"<!-- expand:progress 3A 2026-03-01 begin -->\n<!-- expand:progress 3B 2026-03-01 end -->\n", 2),
        (
            2 * b"<!-- expand:progress 3A 2026-03-01 begin -->\n<!-- expand:progress 3A 2026-03-01 end -->\n",
            3,
        ),
    ],
)
def test_broken_markers_are_named_with_their_line(text: bytes, line: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"PROGRESS_REPORT\.md:{line}:"):
        update(text, workspace(tmp_path), PLAN, HISTORY)


def outside(data: bytes) -> bytes:
    return b"".join(p.data for p in split(data, "report") if p.key is None)


WORDS = st.text(alphabet=st.sampled_from("ab \r\n#|-<!>甲\ufeff`é"), max_size=60).map(str.encode)
RAW = st.one_of(WORDS, st.binary(max_size=40), st.just(b"---\ntitle: x\n---\n"))
KEYS = st.lists(
    st.tuples(st.sampled_from(["3A", "3B", "x y", "乙--丙"]), st.sampled_from(["2026-01-01", "2026-01-02"])),
    unique=True,
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(person=RAW, first=KEYS, second=KEYS, more=RAW)
def test_outside_the_markers_every_byte_stays(
    person: bytes, first: list[tuple[str, str]], second: list[tuple[str, str]], more: bytes
) -> None:
    order = [key(*k) for k in sorted({*first, *second}, key=lambda k: (k[1], k[0]), reverse=True)]
    one = {k: f"一 {k}\n" for k in order if k in [key(*f) for f in first]}
    two = {k: f"二 {k}\n" for k in order if k in [key(*s) for s in second]}
    report = combine(person, one, list(one), "report")
    assert outside(report) == person
    # The person goes on writing between the entries.
    spots = [m.end() for m in re.finditer(rb" end -->\r?\n", report)]
    if spots:
        note = more.replace(b"<!-- expand:progress", b"") + b"\n"
        report = report[: spots[-1]] + note + report[spots[-1] :]
    kept = outside(report)
    again = combine(report, two, list(two), "report")
    assert outside(again) == kept
    if two:
        assert {p.key for p in split(again, "report") if p.key} == set(two)
