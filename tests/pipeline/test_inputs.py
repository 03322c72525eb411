"""What comes from outside an article: series, works that may be cited, and freezing both when it is picked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.article import read
from agent.errors import ConfigError
from agent.pipeline.citations import citations_text, load_references
from agent.pipeline.inputs import frozen_inputs
from agent.pipeline.series import number_of, place_of, quick_title, series_text
from agent.workspace import State, Workspace, find

PARTS = {"一": "起步", "二": "半路", "三": "终点", "十二": "远方"}


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    folder = tmp_path / "blogs_raw"
    folder.mkdir()
    for digit, name in PARTS.items():
        text = f"---\ntitle: 走路（{digit}）：{name}\n---\n\n# 走路\n\n## {name}一节\n\n\\begin{{equation}}s_{{{len(name)}}}=vt\\label{{eq:{name}}}\\end{{equation}}\n"
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / "独篇.md").write_text("---\ntitle: 独篇\n---\n\n文字\n", encoding="utf-8")
    return find(tmp_path)


def article(ws: Workspace, name: str):  # type: ignore[no-untyped-def]
    return read((ws.articles / f"{name}.md").read_bytes(), f"{name}.md")


def test_a_part_is_told_of_the_earlier_ones_in_their_order(ws: Workspace) -> None:
    text = series_text(ws, article(ws, "终点"))
    assert text.index("起步") < text.index("半路")
    assert "终点" not in text
    assert "远方" not in text
    assert "eq:起步" in text


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# 头\n\n例如\n\n```yaml\ntitle: 走路（一）：代码\n```\n", "头"),
        ("---\ndate: 2020\n---\n\n正文\n\ntitle: 正文里的话\n", "文件名"),
        ("```python\n# 注释\n```\n\n## 真的标题\n", "真的标题"),
        ('---\ntitle: "引号里"\n---\n# 别的\n', "引号里"),
        (f"---\n{'k: v' * 2000}\ntitle: 在后面\n---\n", "在后面"),
        ("---\ntitle: 它's\n---\n", "它's"),
    ],
)
def test_a_title_is_the_readers(text: str, title: str, tmp_path: Path) -> None:
    path = tmp_path / "文件名.md"
    path.write_text(text, encoding="utf-8")
    assert quick_title(path) == title == read(text.encode(), path.name).title


def test_an_article_of_its_own_has_no_series(ws: Workspace) -> None:
    assert series_text(ws, article(ws, "独篇")) == ""


@pytest.mark.parametrize(
    ("text", "number"),
    [("一", 1), ("九", 9), ("十", 10), ("十一", 11), ("二十", 20), ("二十八", 28), ("7", 7), ("12", 12)],
)
def test_numbers(text: str, number: int) -> None:
    assert number_of(text) == number


@given(st.text(max_size=30))
def test_any_title_has_a_place_or_none(title: str) -> None:
    place = place_of(title)
    assert place is None or place.base


def test_inputs_are_frozen_until_source_or_notes_change(ws: Workspace) -> None:
    third = article(ws, "终点")
    folder = ws.output("终点")
    first = frozen_inputs(ws, folder, third, State())
    (ws.articles / "起步.md").write_text("---\ntitle: 走路（一）：改了\n---\n\n别的\n", encoding="utf-8")
    assert frozen_inputs(ws, folder, third, State()) == first
    again = frozen_inputs(ws, folder, third, replace(State(), notes=(("", "重来"),)))
    assert again.series != first.series
    other = read(third.data + b"\nmore\n", "x.md")
    assert frozen_inputs(ws, folder, other, State()).source != first.source


def test_a_broken_file_of_inputs_is_made_anew(ws: Workspace) -> None:
    folder = ws.output("终点")
    folder.mkdir(parents=True)
    (folder / "inputs.json").write_text('{"source": 3', encoding="utf-8")
    assert frozen_inputs(ws, folder, article(ws, "终点"), State()).series


def test_confirmed_works_and_the_sources_links_may_be_cited(tmp_path: Path) -> None:
    path = tmp_path / "references.toml"
    path.write_text(
        '[[work]]\ntitle = "A Title"\nauthors = ["A. Author"]\nyear = 2020\narxiv = "2001.00001"\n',
        encoding="utf-8",
    )
    text = citations_text(
        read("见[某文](https://example.org/x)与[内链](/a)".encode(), "s.md"), load_references(path)
    )
    assert "A. Author，《A Title》，2020，arXiv:2001.00001" in text
    assert "某文" in text
    assert "内链" not in text


@pytest.mark.parametrize(
    "body",
    [
        "[[work]]\nyear = 2020\n", '[[work]]\ntitle = "x"\nyaer = 1\n', "[[work]\n", 'work = "x"\n', "[[works]]\n",
        *(f'[[work]]\ntitle = "x"\n{line}\n' for line in ('authors = "Ashish Vaswani"', "authors = [1]", 'year = "2017"')),
    ],
)  # fmt: skip
def test_a_bad_reference_file_says_what_is_wrong(body: str, tmp_path: Path) -> None:
    path = tmp_path / "references.toml"
    path.write_text(body, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"references\.toml"):
        load_references(path)
