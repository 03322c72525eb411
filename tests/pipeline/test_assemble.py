"""Sections put into their article: the source survives, tags run in file order, references find their label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.article import Article, anchors, read, regions, strip, stub_lines
from agent.errors import ExpandError
from agent.pipeline.assemble import END, Section, assemble, index_section
from tests import corpus
from tests.pipeline.desk import SHORT

TAGS = re.compile(r"\\tag\{E(\d+)\}")
LABELS = re.compile(r"\\label\s*\{([^}]*)\}")
REFERENCES = re.compile(r"\\eqref\s*\{([^}]*)\}")

SOURCES = [
    SHORT.encode(),
    SHORT.replace("\n", "\r\n").encode(),
    (SHORT + "\n## 后记\n\n尾声在 TODO 之后。\n\n再一段。\n").encode(),
    SHORT.split("---\n\n", 1)[1].rstrip("\n").encode(),
    "只有一段\n\n\\begin{equation}a\\label{eq:own}\\end{equation}\n\n见式$\\eqref{eq:own}$".encode(),
]


def sources() -> st.SearchStrategy[bytes]:
    return st.one_of(st.sampled_from(SOURCES), st.sampled_from(corpus.files()).map(Path.read_bytes))


piece = st.sampled_from(
    [
        "一段文字，见式$\\eqref{eq:a}$与式$\\eqref{eq:b}$。",
        "\\begin{equation}\nx = 1\n\\label{eq:a}\n\\end{equation}",
        "\\begin{align}\nx &= 1 \\\\\ny &= 2 \\label{eq:b}\n\\end{align}",
        "\\begin{equation}\nx = y % 为什么\n\\label {eq:b}\n\\end{equation}",
        "\\begin{align}\nx &= 1 % 一半 \\\\\n\\\\\ny &= 2\\% % 另一半\n\\end{align}",
        "有空格的$\\eqref {eq:b}$",
        "$$ x = 1 $$",
        "$$ x = 1 \\label{eq:c} $$",
        "引用原文的式$\\eqref{eq:own}$，还有没有的$\\eqref{eq:nowhere}$。",
        "```python listing\n# \\label{eq:code} \\eqref{eq:code} $$\nx = 1\n```",
        '<div class="note-box">\n\n**注** 见$\\eqref{eq:c}$\n\n</div>',
        "代码里的标签$\\eqref{eq:code}$不是标签",
        "| 表 | 头 |\n|---|---|\n| $\\eqref{eq:a}$ | 2 |",
        "#### 小标题",
    ]
)


@st.composite
def sections(draw: st.DrawFn, article: Article) -> list[Section]:
    names = [str(a) for a in anchors(article)]
    made = []
    for number in range(1, draw(st.integers(0, 6)) + 1):
        anchor = draw(st.sampled_from([*names, END]))
        chapter = draw(st.sampled_from(["公式推导与注释", "历史", "扩充小结"])) if anchor == END else ""
        text = "\n\n".join(draw(st.lists(piece, min_size=1, max_size=4)))
        made.append(Section(f"theory.{number}", f"题 {number}", text, anchor, chapter, draw(st.booleans())))
    return made


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.data())
def test_any_sections_at_any_anchors(data: st.DataObject) -> None:
    source = data.draw(sources())
    article = read(source, "a.md")
    chosen = data.draw(sections(article))
    made = assemble(source, "a.md", chosen, status="draft")
    assert strip(made.data) == source
    assert sorted(r.id for r in regions(made.data)) == sorted(s.id for s in chosen)
    check_marks(made.data, made.dangling)
    assert numbers(made.data, "a.md") == numbers(source, "a.md"), "the author's numbers do not move"

    fewer = [s for s in chosen if data.draw(st.booleans())]
    part = assemble(source, "a.md", fewer, status="completed")
    assert strip(part.data) == source
    check_marks(part.data, part.dangling)


def numbers(data: bytes, name: str) -> int:
    return sum(formula.numbered for formula in read(data, name).displays)


def check_marks(data: bytes, dangling: Sequence[tuple[str, str]]) -> None:
    """Tags in file order, labels under the name of their region, references to what is there."""
    ours = "\n".join(text for _, text in region_texts(data))
    assert [int(n) for n in TAGS.findall(ours)] == list(range(1, len(TAGS.findall(ours)) + 1))
    whole = without_code(data.decode("utf-8-sig"))
    known = LABELS.findall(whole)
    for id, text in region_texts(data):
        bare = without_code(text)
        assert all(label.startswith(f"{id}:") for label in LABELS.findall(bare))
        for name in REFERENCES.findall(bare):
            assert name in known or (id, name) in dangling


def region_texts(data: bytes) -> list[tuple[str, str]]:
    rows = data.decode("utf-8-sig").split("\n")
    return [(r.id, "\n".join(rows[r.begin_line : r.end_line - 1])) for r in regions(data)]


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def test_a_reference_means_the_own_label_then_the_authors_then_another_sections() -> None:
    source = "甲\n\n\\begin{equation}a\\label{eq:b}\\end{equation}\n\n乙\n".encode()
    first, second, third = (str(a) for a in anchors(read(source, "a.md"))[1:])
    label = "\\begin{{equation}}x\\label{{{}}}\\end{{equation}}"
    made = assemble(
        source,
        "a.md",
        [
            Section("s.1", "一", label.format("eq:a") + "\n\n$\\eqref{eq:a}$", first),
            Section("s.2", "二", label.format("eq:a") + "\n\n$\\eqref{eq:a}$ $\\eqref{eq:b}$", second),
            Section("s.3", "三", label.format("eq:b") + "\n\n$\\eqref{eq:b}$ $\\eqref{eq:a}$", third),
            Section("s.4", "四", "$\\eqref{eq:b}$ $\\eqref{eq:a}$ $\\eqref{eq:none}$ $\\ref{eq:a}$", END),
        ],
        status="draft",
    )
    said = {id: re.findall(r"\\(?:eq)?ref\{([^}]*)\}", text) for id, text in made.texts.items()}
    assert said == {
        "s.1": ["s.1:eq:a"],
        "s.2": ["s.2:eq:a", "eq:b"],
        "s.3": ["s.3:eq:b", "s.1:eq:a"],
        "s.4": ["eq:b", "s.1:eq:a", "eq:none", "s.1:eq:a"],
    }
    assert made.dangling == (("s.4", "eq:none"),)


def test_the_stub_gives_way_to_the_first_section_of_its_chapter_and_comes_back() -> None:
    made = assemble(SHORT.encode(), "a.md", [
        Section("history.1", "史", "从前。", END, "历史背景"),
        Section("theory.1", "推", "推导。", END, "公式推导与注释"),
        Section("theory.2", "再推", "又一段。", END, "公式推导与注释"),
    ], status="draft")  # fmt: skip
    text = made.data.decode()
    assert text.count("## 公式推导与注释") == 1, "the author's heading serves the chapter"
    assert "TODO" not in re.sub(r'was="[^"]*"', "", text)
    assert text.index("expand:begin theory.1 ") < text.index("expand:begin history.1 ")
    assert "\n## 历史背景\n\n### 史\n" in text
    assert "\n### 再推\n" in text
    assert strip(made.data) == SHORT.encode()


def test_a_chapters_heading_stands_before_whichever_of_its_sections_is_there_first() -> None:
    def at_end(id: str) -> Section:
        return Section(id, id, "文。", END, "历史背景")

    for ids in (["history.1", "history.2"], ["history.2"]):
        text = assemble(SHORT.encode(), "a.md", [at_end(i) for i in ids], status="draft").data.decode()
        assert text.count("## 历史背景") == 1
        assert f"## 历史背景\n\n### {ids[0]}\n" in text


def test_the_index_tells_where_derivations_stand() -> None:
    article = read(SHORT.encode(), "a.md")
    place = str(anchors(article)[3])
    woven = Section("theory.1", "补一步", "文。", place)
    index = index_section(article, [woven])
    assert index is not None
    assert "- 补一步" in index.text
    made = assemble(SHORT.encode(), "a.md", [woven, index], status="draft")
    assert strip(made.data) == SHORT.encode()
    assert index_section(article, [Section("theory.1", "题", "文。", END, "公式推导与注释")]) is None
    assert index_section(read(b"no stub\n", "a.md"), [woven]) is None
    assert stub_lines(article) is not None


def test_front_matter_says_draft_and_completed() -> None:
    section = [Section("s.1", "一", "文。", END)]
    for status in ("draft", "completed"):
        data = assemble(SHORT.encode(), "a.md", section, status=status).data
        assert f"status: {status}\n".encode() in data
        assert b"status: pending" not in data


@pytest.mark.parametrize(
    "section",
    [
        Section("s.1", "题", "<!-- expand:end s.1 -->"),
        Section("s 1", "题", "文"),
        Section("s.1", "题", "文", anchor="9:00000000"),
    ],
)
def test_what_cannot_be_placed_is_a_named_error(section: Section) -> None:
    with pytest.raises(ExpandError):
        assemble(SHORT.encode(), "a.md", [section], status="draft")


def test_numbers_of_the_author_do_not_move() -> None:
    """Every numbered row of ours carries a tag, so the page's own counter counts the author's rows only."""
    source = "甲\n\n\\begin{equation}a\\end{equation}\n\n乙\n\n\\begin{align}a\\\\b\\end{align}\n".encode()
    places = [str(a) for a in anchors(read(source, "a.md"))]
    text = "\\begin{align}x\\\\y\\end{align}\n\n\\begin{equation}z\\end{equation}"
    made = assemble(
        source, "a.md", [Section(f"s.{n}", "题", text, p) for n, p in enumerate(places)], status="draft"
    )
    untagged = [
        row
        for f in read(made.data, "a.md").displays
        for row in re.split(r"\\\\", f.tex)
        if not TAGS.search(row)
    ]
    assert len(untagged) == 3, "the author's rows, and nothing else"
