"""Reading: never an exception on UTF-8, and what is found stands where it is said to stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.article import Article, prose, read
from agent.article.frontmatter import locate
from agent.errors import NotUtf8
from agent.measure import measure, quick
from tests import corpus
from tests.article import made


def consistent(article: Article) -> None:
    """What must hold of every article."""
    text = article.text
    for formula in article.formulas:
        assert text[formula.start : formula.stop] == formula.raw
        assert text.count("\n", 0, formula.start) + 1 == formula.line
        assert text.count("\n", 0, formula.stop) + 1 == formula.last_line
        assert formula.start - text.rfind("\n", 0, formula.start) == formula.column
        assert formula.start >= article.body
    stop = article.body
    for span in article.spans:
        assert stop <= span.start < span.stop <= len(text)
        stop = span.stop
    last = article.front.last if article.front else 0
    for block in article.blocks:
        assert last < block.first <= block.last <= len(article.lines)
        assert block.text == "\n".join(article.lines[block.first - 1 : block.last])
        rows = article.lines[last : block.first - 1]
        assert not any(row.strip(" \t\r\ufeff") for row in rows), "a line that belongs to no block"
        last = block.last
    for item in (*article.headings, *article.links, *article.images, *article.labels, *article.strays):
        assert 1 <= item.line <= len(article.lines)
    for part in (*article.codes, *article.boxes):
        assert 1 <= part.line <= part.last_line <= len(article.lines)
    plain = prose(article)
    assert len(plain) == len(text)
    assert [row.endswith("\r") for row in plain.split("\n")] == [
        row.endswith("\r") for row in text.split("\n")
    ]


@settings(max_examples=400, deadline=None)
@given(st.one_of(made.articles, st.text().map(lambda text: text.encode("utf-8", "ignore"))))
@example("\ufeff    代码\n".encode())
def test_any_text_is_an_article(data: bytes) -> None:
    article = read(data, "a.md")
    consistent(article)
    assert quick(data) == (measure(article).lines, measure(article).formulas)


@pytest.mark.parametrize("path", corpus.files(), ids=lambda path: path.name)
def test_every_file_of_the_corpus_is_read_consistently(path: Path) -> None:
    article = read(path.read_bytes(), path.name)
    consistent(article)
    assert quick(article.data) == (measure(article).lines, measure(article).formulas)


@settings(max_examples=200, deadline=None)
@given(made.articles, st.sampled_from([b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xe4\xb8"]), made.bodies())
def test_bytes_that_are_no_utf8(before: bytes, bad: bytes, after: str) -> None:
    data = before + bad + b"\n" + after.encode("utf-8", "ignore")
    with pytest.raises(NotUtf8, match=r"a\.md: not UTF-8 at byte") as caught:
        read(data, "a.md")
    assert caught.value.offset == len(before)
    with pytest.raises(NotUtf8) as caught:
        quick(data)
    assert caught.value.offset == len(before)


def test_an_article_with_one_of_each() -> None:
    text = (
        "---\r\ntitle: '题: 目'\r\nstatus:  pending \r\n# 注\r\n  - 项\r\n---\r\n"
        "# 一 ##\n\n二\n--\n\n### 三#\n\n"
        '见[论文](https://a.org/x_(y) "题")、[![图](a.png)](b.png)与<https://c.org>，`[不是](链接)`。\n\n'
        '<div class="note-box wide">\n\n#### 四\n\n<details>\nx\n</details>\n\n</div>\n\n'
        "- ```python experiment id=e1\n  a\n    b\n  ```\n\n~~~\nc"
    )
    article = read(text.encode(), "目录/文.md")
    assert article.title == "题: 目"
    assert article.front is not None
    assert (article.front.last, dict(article.front.fields)) == (6, {"title": "题: 目", "status": "pending"})
    headings = [(heading.level, heading.text, heading.line) for heading in article.headings]
    assert headings == [(1, "一", 7), (2, "二", 9), (3, "三#", 12), (4, "四", 18)]
    assert [(link.text, link.url) for link in article.links] == [
        ("论文", "https://a.org/x_(y)"),
        ("![图](a.png)", "b.png"),
        ("https://c.org", "https://c.org"),
    ]
    assert [(image.alt, image.url, image.line) for image in article.images] == [("图", "a.png", 14)]
    boxes = [(box.name, box.line, box.last_line, box.closed) for box in article.boxes]
    assert boxes == [("note-box", 16, 24, True), ("details", 20, 22, True)]
    first, second = article.codes
    assert (first.language, first.info, first.text, first.closed) == (
        "python",
        "experiment id=e1",
        "a\n  b\n",
        True,
    )
    assert (second.language, second.text, second.line, second.closed) == ("", "c\n", 31, False)


def test_titles_without_front_matter() -> None:
    assert read("# 题 #\n".encode(), "a.md").title == "题"
    assert read(b"", "x/y.md").title == "y"


NO_FRONT_MATTER = {
    "prose between two rules": "---\n一段文字\n---\n",
    "never closed": "---\ntitle: x\n",
    "a marker inside": "---\ntitle: x\n<!-- expand:begin a -->\n---\n",
    "not at the start": "\n---\ntitle: x\n---\n",
    "a closing rule that is none": "---\ntitle: x\n--- x\n",
}


@pytest.mark.parametrize("name", NO_FRONT_MATTER)
def test_what_is_no_front_matter(name: str) -> None:
    assert locate(NO_FRONT_MATTER[name].encode()) is None
