"""Documents as people keep them, read without believing them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.books.claims import Figure
from agent.books.figures import line_of, numeral
from agent.books.grouping import clusters
from agent.books.reading import parse, read_document
from agent.errors import NotUtf8, UsageError
from tests.books.documents import CATALOGUE, REPORT, TODO


def figures(text: str, kind: str) -> list[Figure]:
    return [f for f in parse(text, "d.md").figures if f.kind == kind]


def test_a_report_has_a_group_for_each_section_and_row() -> None:
    groups = parse(REPORT, "r.md").groups
    assert [(g.name, g.date, len(g.mentions)) for g in groups if not g.table] == [
        ("2C", "2026-02-03", 3),
        ("2B", "2026-02-02", 2),
        ("2C", "2026-02-01", 2),
    ]
    assert [(g.name, g.topic) for g in groups if g.table] == [
        ("2A", "熵"),
        ("2B", "核方法 + 采样"),
        ("2C", "收敛性理论"),
        ("2D", "注意力"),
    ]


def test_an_article_of_a_report() -> None:
    first, second, third = parse(REPORT, "r.md").groups[0].mentions
    assert (first.title, first.file, first.mark) == (
        "下降引理（一）：平均收敛",
        "blogs_raw/下降引理一.md",
        "done",
    )
    assert {f.kind: f.value for f in first.figures} == {
        "lines_before": 90,
        "lines": 120,
        "formulas_before": 4,
        "formulas": 6,
        "ratio_lines": 1.33,
        "ratio_formulas": 1.5,
    }
    assert {f.kind: f.value for f in second.figures} == {"lines": 130, "formulas": 6}
    assert (third.mark, third.focus) == ("open", ("步长", "稳定域（谱半径）", "上界"))


def test_figures_know_line_and_column() -> None:
    figure = figures(REPORT, "lines_before")[0]
    line = REPORT.split("\n")[figure.place.line - 1]
    assert line[figure.place.column - 1 :].startswith("90行")


def test_done_counts_and_totals() -> None:
    assert [(f.value, f.of, f.batch + f.sub) for f in figures(REPORT, "done")] == [
        (2, 3, "2C"),
        (2, 3, "2C"),
        (1, 3, "2C"),
        (2, 2, "2A"),
        (5, 5, "2B"),
        (1, 3, "2C"),
        (0, 2, "2D"),
        (8, 9, "2"),
        (2, 2, "2B"),
    ]
    assert [(f.value, f.of) for f in figures(REPORT, "done_all")] == [(9, None), (9, 40), (9, 40)]
    assert [f.value for f in figures(REPORT, "parts")] == [11]
    assert [(f.value, f.rough) for f in figures(REPORT, "grown_lines")] == [(1500, True)]


def test_targets_of_sections() -> None:
    groups = parse(REPORT, "r.md").groups
    asked = [(g.date, g.targets.lines, g.targets.formulas) for g in groups if g.targets]
    assert asked == [("2026-02-03", 100, 4), ("2026-02-01", 120, 10)]


def test_a_list_has_batches_sub_batches_and_boxes() -> None:
    groups = parse(TODO, "t.md").groups
    assert [(g.name, g.topic, len(g.mentions)) for g in groups] == [
        ("1", "温故主题", 2),
        ("2", "最近9篇", 0),
        ("2A", "熵系列", 2),
        ("2B", "核方法主题", 2),
        ("2C", "收敛性理论", 2),
        ("2D", "注意力", 0),
    ]
    assert [m.mark for m in groups[4].mentions] == ["done", "open"]
    assert groups[0].mentions[1].title == '熵的"第三种"定义'
    assert groups[0].mentions[1].number == "#7"
    assert [(f.kind, f.value) for f in groups[4].mentions[1].figures] == [("lines_before", 50)]


def test_a_tally_is_set_beside_its_parts() -> None:
    assert [(f.value, f.of, f.rough) for f in figures(TODO, "children")] == [(8, 9, False)]


def test_a_catalogue() -> None:
    entries = parse(CATALOGUE, "c.txt").entries
    assert [(e.path, e.status, e.place.line) for e in entries] == [
        ("blogs_raw/熵的两种定义.md", "completed", 2),
        ("blogs_raw/核一.md", "pending", 3),
        ("blogs_raw/步长的选择.md", "pending", 4),
    ]


def test_one_letter_for_two_sub_batches_stays_two() -> None:
    found = clusters([parse(REPORT, "r.md"), parse(TODO, "t.md")])
    assert [(c.batch + c.sub, c.topic) for c in found] == [
        ("1", "温故主题"),
        ("2", "最近9篇"),
        ("2A", "熵系列"),
        ("2B", "核方法主题"),
        ("2B", "采样主题"),
        ("2C", "收敛性理论"),
        ("2D", "注意力"),
    ]


def test_text_in_a_fence_states_nothing() -> None:
    assert parse(f"```\n{REPORT}\n```\n", "r.md").groups == ()


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("九", "9"),
        ("十", "10"),
        ("十二", "12"),
        ("二十", "20"),
        ("三十五", "35"),
        ("一百零三", "103"),
        ("07", "7"),
    ],
)
def test_numerals(words: str, digits: str) -> None:
    assert numeral(words) == digits


def test_a_document_that_is_not_there_or_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.md"):
        read_document(tmp_path / "nothing.md")
    (tmp_path / "gb.md").write_bytes("## 第二批".encode("gb18030"))
    with pytest.raises(NotUtf8, match="byte 3"):
        read_document(tmp_path / "gb.md")


@given(st.text(alphabet="#-*|[]x（）()第二批子批次AC：/0 12行公式篇%+从扩充到\n`", max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    lines = text.split("\n")
    for figure in parse(text, "d.md").figures:
        line = lines[figure.place.line - 1]
        assert 1 <= figure.place.column <= len(line)


@given(st.text(alphabet="*` ab", max_size=30))
def test_columns_point_into_the_raw_line(raw: str) -> None:
    line = line_of("d", 1, raw)
    assert all(raw[c - 1] == char for c, char in zip(line.columns, line.text, strict=True))
