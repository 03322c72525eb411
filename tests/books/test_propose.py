"""plan propose: topics, series and what is set aside."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.books.propose import Candidate, _packed, propose, write
from agent.errors import UsageError
from agent.plan import load
from agent.workspace import Workspace, find

DISPLAY = "\n\\begin{equation}\nx=1\n\\end{equation}\n"


def article(title: str, tags: str = "", body: str = DISPLAY) -> str:
    return f"---\ntitle: {title}\ntags: {tags}\nstatus: pending\n---\n\n# {title}\n\n文字\n{body}"


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    folder = tmp_path / "blogs_raw"
    folder.mkdir()
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    (tmp_path / "plan.toml").write_text('# 我的计划\n[[batch]]\nid = "3"\n', encoding="utf-8")
    for n, digit in enumerate("三一二"):
        (folder / f"s{n}.md").write_text(article(f"谱的故事（{digit}）：甲", "谱, 矩阵"), encoding="utf-8")
    for n in range(4):
        (folder / f"n{n}.md").write_text(article(f"噪声之{n}", "噪声, 常见"), encoding="utf-8")
    for n in range(4):
        (folder / f"o{n}.md").write_text(article(f"独篇{n}", "常见"), encoding="utf-8")
    (folder / "trip.md").write_text(article("游记", "生活", ""), encoding="utf-8")
    return find(tmp_path)


def test_topics_series_and_what_is_no_technical_article(ws: Workspace) -> None:
    proposal = propose(ws, size=5)
    assert proposal.batch == "4"
    titles = [[c.title for c in g.items] for g in proposal.groups]
    assert ["谱的故事（一）：甲", "谱的故事（二）：甲", "谱的故事（三）：甲"] in titles
    assert [f"噪声之{n}" for n in range(4)] in titles
    assert [a.title for a in proposal.aside] == ["游记"]
    assert "没有独立公式" in proposal.aside[0].reason


def test_it_is_the_same_each_time_and_its_plan_loads(ws: Workspace) -> None:
    proposal = propose(ws, size=5)
    assert proposal == propose(ws, size=5)
    before = (ws.root / "plan.toml").read_bytes()
    write(ws, proposal)
    after = (ws.root / "plan.toml").read_bytes()
    assert after.startswith(before)
    plan = load(ws.root / "plan.toml")
    planned = {p.item.file for p in plan.places()}
    assert len(planned) == 11
    assert propose(ws, size=5).groups == ()


def test_a_plan_with_the_line_ends_of_windows_keeps_every_byte(ws: Workspace) -> None:
    path = ws.root / "plan.toml"
    before = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(before)
    write(ws, propose(ws, size=5))
    after = path.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\r\n") == after.count(b"\n")
    assert propose(ws, size=5).groups == ()


def test_a_plan_that_another_writes_is_waited_for_and_a_batch_it_got_refused(ws: Workspace) -> None:
    proposal = propose(ws)
    write(ws, proposal)
    before = (ws.root / "plan.toml").read_bytes()
    with pytest.raises(UsageError, match="changed"):
        write(ws, proposal)
    assert (ws.root / "plan.toml").read_bytes() == before


def test_titles_with_quotes_are_written_as_toml(ws: Workspace) -> None:
    (ws.articles / "q.md").write_text(article('引号"与\\反斜杠', "噪声"), encoding="utf-8")
    raw = tomllib.loads(propose(ws).text)
    titles = [i["title"] for s in raw["batch"][0]["sub"] for i in s["item"]]
    assert '引号"与\\反斜杠' in titles


def test_a_size_below_one_is_refused(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="--size 0"):
        propose(ws, size=0)


def named(number: int, series: str) -> Candidate:
    return Candidate(f"{series}{number}", f"{series}{number}.md", "t", series, number, (), ())


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 8))
def test_packing_loses_nothing_and_cuts_only_a_long_series(lengths: list[int], size: int) -> None:
    units = [[named(i, f"u{u}-") for i in range(n)] for u, n in enumerate(lengths)]
    packs = _packed(units, size)
    assert [c for pack in packs for c in pack] == [c for unit in units for c in unit]
    assert all(1 <= len(pack) <= size for pack in packs)
    for unit in units:
        holding = sum(any(c in pack for c in unit) for pack in packs)
        assert holding == 1 or len(unit) > size
