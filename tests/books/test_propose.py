"""plan propose: topics, series and what is set aside."""

from __future__ import annotations

import tomllib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.books.propose import _ids, propose, write
from agent.books.topics import Candidate, _packed, grouped
from agent.errors import ConfigError, UsageError
from agent.pipeline.series import place_of
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
    write(ws, proposal.batch, proposal.text)
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
    proposal = propose(ws, size=5)
    write(ws, proposal.batch, proposal.text)
    after = path.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\r\n") == after.count(b"\n")
    assert propose(ws, size=5).groups == ()


def test_a_plan_that_another_writes_is_waited_for_and_a_batch_it_got_refused(ws: Workspace) -> None:
    proposal = propose(ws)
    write(ws, proposal.batch, proposal.text)
    before = (ws.root / "plan.toml").read_bytes()
    with pytest.raises(UsageError, match="changed"):
        write(ws, proposal.batch, proposal.text)
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


# What a person is asked to agree to


def test_what_was_shown_is_what_is_written_or_nothing(ws: Workspace) -> None:
    proposal = propose(ws)
    path = ws.root / "plan.toml"
    taken = path.read_bytes() + b'\n[[batch]]\nid = "4"\n'
    path.write_bytes(taken)
    with pytest.raises(UsageError, match="batch 4"):
        write(ws, proposal.batch, proposal.text)
    assert path.read_bytes() == taken


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\r\n\r\n", "  # 末行没有换行"])
def test_what_stands_in_the_plan_keeps_every_byte(ws: Workspace, ending: str) -> None:
    path = ws.root / "plan.toml"
    before = f'# 我的计划\r\n[[batch]]\r\nid = "3"{ending}'.encode()
    path.write_bytes(before)
    proposal = propose(ws)
    write(ws, proposal.batch, proposal.text)
    assert path.read_bytes().startswith(before)
    assert load(path).ids()[:2] == ("3", "4")


def test_a_plan_that_cannot_be_added_to_is_left_alone(ws: Workspace) -> None:
    path = ws.root / "plan.toml"
    path.write_text('batch = [{id = "3"}]\n', encoding="utf-8")
    proposal = propose(ws)
    with pytest.raises(ConfigError, match="nothing can be added"):
        write(ws, proposal.batch, proposal.text)
    assert path.read_text(encoding="utf-8") == 'batch = [{id = "3"}]\n'


def test_sub_batches_never_run_out_of_names() -> None:
    from itertools import islice

    names = list(islice(_ids("9"), 26 + 26**2 + 2))
    assert len(set(names)) == len(names)
    assert (names[0], names[26], names[-1]) == ("9A", "9AA", "9AAB")


def test_the_whole_is_the_sum_of_its_groups(ws: Workspace) -> None:
    proposal = propose(ws, size=2)
    assert proposal.calls == sum(g.calls for g in proposal.groups) > 0
    assert proposal.tokens == sum(g.tokens for g in proposal.groups)


# Topics


def candidate(slug: str, title: str, *tags: str) -> Candidate:
    place = place_of(title)
    return Candidate(slug, slug, title, place.base if place else "", place.number if place else 0, tags, ())


def topics(*every: Candidate, size: int = 10) -> dict[str, set[str]]:
    return {title: {c.slug for c in items} for title, items in grouped(every, size)}


def test_the_tag_in_the_title_beats_one_that_more_share() -> None:
    mine = [candidate(f"a{n}", f"扩散的第{n}问", "优化", "扩散") for n in range(3)]
    others = [candidate(f"b{n}", f"别的{n}", "优化", f"t{n}") for n in range(3)]
    rest = [candidate(f"c{n}", f"另外{n}", "核") for n in range(9)]
    found = topics(*mine, *others, *rest)
    assert found["扩散"] == {"a0", "a1", "a2"}
    assert found["优化"] == {"b0", "b1", "b2"}


def test_who_is_alone_with_a_topic_chooses_again() -> None:
    lonely = candidate("x", "熵的一瞥", "熵", "矩阵")
    others = [candidate(f"m{n}", f"矩阵{n}", "矩阵") for n in range(4)]
    rest = [candidate(f"c{n}", f"另外{n}", "核") for n in range(9)]
    assert "x" in topics(lonely, *others, *rest)["矩阵"]


@given(
    st.lists(
        st.tuples(st.sampled_from("甲乙丙"), st.integers(1, 12), st.sets(st.sampled_from("pqrs"))),
        max_size=40,
    ),
    st.integers(1, 12),
    st.randoms(use_true_random=False),
)
def test_whatever_the_tags_nothing_is_lost_and_a_series_keeps_its_order(
    parts: list[tuple[str, int, set[str]]], size: int, random: Random
) -> None:
    every = [
        candidate(f"{n:02d}", f"{name}（{number}）：{n}", *sorted(tags))
        for n, (name, number, tags) in enumerate(parts)
    ]
    packs = list(grouped(every, size))
    placed = [c for _, items in packs for c in items]
    assert sorted(c.slug for c in placed) == [c.slug for c in every]
    for name in "甲乙丙":
        numbers = [c.number for c in placed if c.series == name]
        assert numbers == sorted(numbers)
    again = list(every)
    random.shuffle(again)
    assert {t: sorted(c.slug for c in i) for t, i in grouped(again, 1000)} == {
        t: sorted(c.slug for c in i) for t, i in grouped(every, 1000)
    }


@pytest.mark.parametrize(
    ("title", "base", "number"),
    [
        ("生成扩散模型漫谈（二十一）：中值定理", "生成扩散模型漫谈", 21),
        ("MoE环游记：3、换个思路来分配", "moe环游记", 3),
        ("流形上的最速下降：1.  SGD + 超球面", "流形上的最速下降", 1),
        ("Transformer升级之路：20、MLA好在哪里?（上）", "transformer升级之路", 20),
        ("msign算子的Newton-Schulz迭代（下）", "msign算子的newton-schulz迭代", 3),
        ("ＭｏＥ环游记 ：4、难处", "moe环游记", 4),
    ],
)
def test_how_titles_name_their_series(title: str, base: str, number: int) -> None:
    place = place_of(title)
    assert place is not None
    assert (place.base, place.number) == (base, number)


@pytest.mark.parametrize(
    "title",
    ["提速：2.5倍不是梦", "三个球的交点坐标（三球交会定位）", "Cool Papers扩展升级至v0.2.0", "（一）"],
)
def test_numbers_that_make_no_series(title: str) -> None:
    assert place_of(title) is None
