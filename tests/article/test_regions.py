"""The promise of REGIONS.md: strip gives the author's bytes back, whatever was inserted wherever it may be."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.article import (
    Insertion,
    anchor_after_line,
    anchors,
    find_anchor,
    has_marker_text,
    has_stub,
    insert,
    read,
    refuse_markers,
    regions,
    stamp,
    stamped_sha256,
    strip,
    stub_lines,
)
from agent.errors import RegionError
from tests import corpus
from tests.article import made
from tests.article.rendering import is_disputed, shape

CONTENT = "### 补充\n\n一段推导 $x$：\n\\begin{equation}a\\label{t.1:eq}\\end{equation}\n\n- 列表\n\n```python\nprint(1)"


def expanded(data: bytes, insertions: list[Insertion]) -> bytes:
    """As a draft is made: regions, then the stamp."""
    return stamp(insert(data, insertions), sha256=hashlib.sha256(data).hexdigest(), status="draft")


def everywhere(data: bytes, text: str) -> list[Insertion]:
    return [
        Insertion(id=f"r.{number}", text=text, anchor=anchor)
        for number, anchor in enumerate(anchors(read(data, "a.md")))
    ]


@pytest.mark.parametrize("path", corpus.files(), ids=lambda path: path.name)
def test_every_file_of_the_corpus_comes_back(path: Path) -> None:
    data = path.read_bytes()
    article = read(data, path.name)
    places = anchors(article)
    assert places, "an article needs at least one place"
    insertions = everywhere(data, CONTENT + "\n```")
    stub = stub_lines(article)
    if stub:
        insertions.append(Insertion("stub", "原处的推导", was=stub))
    draft = expanded(data, insertions)
    assert strip(draft) == data
    assert len(regions(draft)) == len(insertions)
    assert [str(anchor) for anchor in anchors(read(draft, path.name))] == [str(anchor) for anchor in places]
    if article.front:
        assert stamped_sha256(draft) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("path", corpus.files(), ids=lambda path: path.name)
def test_regions_leave_the_rendering_of_the_corpus_alone(path: Path) -> None:
    data = path.read_bytes()
    article = read(data, path.name)
    draft = insert(data, everywhere(data, "补充"))
    body = article.text[article.body :]
    assert shape(draft.decode()[article.body :], skip_regions=True) == shape(body)


@settings(max_examples=400, deadline=None)
@given(made.articles, st.data())
def test_strip_undoes_insert_and_stamp(data: bytes, draw: st.DataObject) -> None:
    article = read(data, "a.md")
    places = anchors(article)
    chosen = draw.draw(st.lists(st.tuples(st.sampled_from(places), made.texts), max_size=5)) if places else []
    insertions = [Insertion(f"章.{n}", text, anchor) for n, (anchor, text) in enumerate(chosen)]
    draft = expanded(data, insertions)
    assert strip(draft) == data
    found = {region.id: region.text for region in regions(draft)}
    assert found.keys() == {insertion.id for insertion in insertions}
    merged = stamp(draft, sha256="0" * 64, status="completed")
    assert strip(merged) == data


@settings(max_examples=200, deadline=None)
@given(made.articles, made.texts, made.texts)
def test_a_draft_can_be_expanded_again(data: bytes, first: str, second: str) -> None:
    places = anchors(read(data, "a.md"))
    draft = expanded(data, [Insertion(f"a{n}", first, anchor) for n, anchor in enumerate(places)])
    again = insert(draft, [Insertion(f"b{n}", second, anchor) for n, anchor in enumerate(places)])
    assert strip(again) == data
    order = [region.id for region in regions(again)]
    assert order == [f"{letter}{n}" for n in range(len(places)) for letter in "ab"]


@settings(max_examples=400, deadline=None)
@given(made.articles)
def test_anchors_stand_between_top_level_blocks(data: bytes) -> None:
    article = read(data, "a.md")
    body = len(article.text[: article.body].encode())
    held = [range(block.first + 1, block.last + 1) for block in article.blocks]
    for anchor in anchors(article):
        assert body <= anchor.offset <= len(data)
        assert not any(anchor.line in lines for lines in held), "inside a block"
        if anchor.offset < len(data):
            before = data[: anchor.offset]
            assert anchor.offset == body or before.endswith(b"\n")
            rows = before.decode()[article.body :].split("\n")
            assert len(rows) < 2 or not rows[-2].strip(" \t\r"), "not after a blank line"
            assert anchor.line == before.count(b"\n") + 1


# Derandomised: where CommonMark's own readers differ, a lucky draw would be an argument with one of them.
@settings(max_examples=400, deadline=None, derandomize=True)
@given(made.articles)
def test_regions_leave_the_rendering_alone(data: bytes) -> None:
    article = read(data, "a.md")
    assume(not is_disputed(article.text))
    draft = insert(data, everywhere(data, "补充"))
    plain = article.text[article.body :]
    assert shape(draft.decode()[article.body :], skip_regions=True) == shape(plain)


@settings(max_examples=200, deadline=None)
@given(made.bodies(), st.sampled_from(made.FORGED), made.bodies(), st.sampled_from(made.ENDINGS))
def test_a_source_with_marker_text_is_refused(before: str, forged: str, after: str, ending: str) -> None:
    head = before + ending if before else ""
    data = (head + forged + ending + after).encode("utf-8", "ignore")
    with pytest.raises(RegionError) as caught:
        refuse_markers(data, "a.md")
    assert caught.value.exit_code == 2
    assert data.split(b"\n")[caught.value.line - 1].count(b"expand:")
    assert f"a.md:{caught.value.line}" in str(caught.value)


def test_marker_text_inside_a_fence_is_refused_too() -> None:
    with pytest.raises(RegionError) as caught:
        refuse_markers("文字\n\n```html\n<!-- expand:begin x -->\n```\n".encode(), "a.md")
    assert caught.value.line == 4


def test_a_stamped_source_is_refused() -> None:
    with pytest.raises(RegionError) as caught:
        refuse_markers(b"---\ntitle: x\nexpand: something\n---\n\ntext\n", "a.md")
    assert caught.value.line == 3
    refuse_markers(b"---\ntitle: x\n---\n\nexpand: in the text is no stamp\n", "a.md")


GRAMMAR = {
    "begin without end": (["<!-- expand:begin a -->", "x"], 3),
    "end without begin": (["x", "<!-- expand:end a -->"], 4),
    "nested": (["<!-- expand:begin a -->", "<!-- expand:begin b -->", "<!-- expand:end b -->"], 4),
    "wrong end": (["<!-- expand:begin a -->", "<!-- expand:end b -->"], 4),
    "an ID twice": (
        [
            "<!-- expand:begin a -->",
            "<!-- expand:end a -->",
            "<!-- expand:begin a -->",
            "<!-- expand:end a -->",
        ],
        5,
    ),
    "unknown attribute": (["<!-- expand:begin a colour=red -->", "<!-- expand:end a -->"], 3),
    "unreadable glue": (["<!-- expand:begin a glue=x -->", "<!-- expand:end a -->"], 3),
    "unreadable was": (['<!-- expand:begin a was="%4" -->', "<!-- expand:end a -->"], 3),
    "no ID": (["<!-- expand:begin -->"], 3),
    "indented": (["  <!-- expand:begin a -->", "<!-- expand:end a -->"], 3),
    "text behind": (["<!-- expand:begin a --> text", "<!-- expand:end a -->"], 3),
    "two in a line": (["<!-- expand:begin a --><!-- expand:end a -->"], 3),
    "another word": (["<!-- expand:middle a -->"], 3),
}


@pytest.mark.parametrize("name", GRAMMAR)
def test_markers_that_cannot_be_read(name: str) -> None:
    rows, line = GRAMMAR[name]
    data = "\n".join(["文字", "", *rows, "", "文字", ""]).encode()
    for call in (regions, strip):
        with pytest.raises(RegionError) as caught:
            call(data)
        assert caught.value.line == line
        assert caught.value.exit_code == 2
        assert caught.value.hint


def test_what_a_region_looks_like() -> None:
    data = b"---\r\nstatus: pending\r\n---\r\n# T\n\npara\n"
    places = anchors(read(data, "a.md"))
    draft = insert(
        data,
        [
            Insertion("a.1", "one\r\ntwo\n", places[0]),
            Insertion("b", "", places[1]),
            Insertion("c", "z", places[2]),
        ],
    )
    assert draft == (
        b"---\r\nstatus: pending\r\n---\r\n"
        b"<!-- expand:begin a.1 glue=0 -->\r\n\r\none\r\ntwo\r\n\r\n<!-- expand:end a.1 -->\r\n\r\n"
        b"# T\n\n"
        b"<!-- expand:begin b glue=0 -->\n\n\n\n<!-- expand:end b -->\n\n"
        b"para\n"
        b"\n<!-- expand:begin c glue=1 -->\n\nz\n\n<!-- expand:end c -->\n\n"
    )
    first, second, third = regions(draft)
    assert (first.id, first.text, first.begin_line, first.end_line) == ("a.1", "one\ntwo", 4, 9)
    assert second.text == ""
    assert (third.glue, draft[third.start : third.stop][:4], third.stop) == (1, b"<!--", len(draft))
    stamped = stamp(draft, sha256="ab" * 32, status="draft")
    assert stamped.startswith(
        b"---\r\nstatus: draft\r\nexpand: sha256=" + b"ab" * 32 + b" status=%20pending\r\n---\r\n"
    )
    assert strip(stamped) == data


@given(
    st.sampled_from(["## ", "##", "### ", " ## ", "    ## ", "- ## "]),
    st.sampled_from(["公式推导与注释", "公式推导与注释 ##", "公式推导与注释（补）", "注释"]),
    st.sampled_from(["\n", "\n\n", "\r\n\r\n", "\n \n"]),
    st.sampled_from(["TODO", "TODO：待补", "TODOS", "- TODO", "    TODO", "  TODO", "完成", ""]),
    st.sampled_from(["", "\n", "\n\n## 后\n\nTODO\n"]),
)
def test_the_stub_is_found_the_same_way_with_and_without_reading(
    mark: str, title: str, gap: str, body: str, rest: str
) -> None:
    data = f"# T\n\n正文\n\n{mark}{title}{gap}{body}{rest}".encode()
    assert has_stub(data) == (stub_lines(read(data, "a.md")) is not None)


def test_a_region_stands_in_for_the_stub() -> None:
    data = "# T\n\n正文\n\n## 公式推导与注释\n\nTODO: 添加推导\n".encode()
    article = read(data, "a.md")
    stub = stub_lines(article)
    assert stub == (7, 7)
    end = anchors(article)[-1]
    draft = insert(data, [Insertion("b", "二", end), Insertion("a", "一", was=stub)])
    assert [region.id for region in regions(draft)] == ["a", "b"]
    assert "TODO: 添加".encode() not in draft
    assert "## 公式推导与注释\n\n<!-- expand:begin a glue=0 was=".encode() in draft
    assert regions(draft)[0].was == "TODO: 添加推导\n".encode()
    assert stub_lines(read(draft, "a.md")) is None
    assert strip(draft) == data


@pytest.mark.parametrize(
    ("was", "why"), [((3, 3), "not whole blocks"), ((4, 3), "not whole blocks"), ((9, 9), "not whole blocks")]
)
def test_only_whole_blocks_give_way(was: tuple[int, int], why: str) -> None:
    with pytest.raises(RegionError, match=why):
        insert(b"# T\n\na\nb\n\nc\n", [Insertion("x", "y", was=was)])


def test_what_insert_refuses() -> None:
    data = b"# T\n\na\n"
    place = anchors(read(data, "a.md"))[0]
    with pytest.raises(RegionError, match="marker text"):
        insert(data, [Insertion("a", "x\n<!-- expand:end a -->", place)])
    with pytest.raises(RegionError, match="second"):
        insert(data, [Insertion("a", "x", place), Insertion("a", "y", place)])
    with pytest.raises(RegionError, match="ID"):
        insert(data, [Insertion("a b", "x", place)])
    with pytest.raises(RegionError, match="UTF-8"):
        insert(data, [Insertion("a", "x\ud800", place)])
    with pytest.raises(RegionError, match="stands in for"):
        insert(data, [Insertion("a", "x", was=(3, 3)), Insertion("b", "x", was=(3, 3))])
    with pytest.raises(RegionError, match="no place"):
        insert(b"other\n", [Insertion("a", "x", anchors(read(data, "a.md"))[1])])


def test_anchors_survive_edits_elsewhere() -> None:
    data = "# T\n\n甲\n\n乙\n\n甲\n\n丙\n".encode()
    names = [str(anchor) for anchor in anchors(read(data, "a.md"))]
    edited = read("# T\n\n新的一段\n\n甲\n\n乙\n\n甲\n\n丙\n".encode(), "a.md")
    assert find_anchor(edited, names[5]).line == len(edited.lines) + 1
    assert find_anchor(edited, names[3]).line == 9
    assert find_anchor(edited, names[2]).line == 7  # the nearer of the two that read the same
    with pytest.raises(RegionError):
        find_anchor(edited, "3:" + "0" * 8)
    with pytest.raises(RegionError, match="not an anchor"):
        find_anchor(edited, "theory")


def test_a_region_stands_after_the_whole_paragraph_around_an_equation() -> None:
    text = "# T\n\n考虑  \n\\begin{equation}x\\end{equation}  \n其中 x 是数。\n\n后文\n"
    assert anchor_after_line(read(text.encode(), "a.md"), 4).line == 7
    with pytest.raises(RegionError, match="nothing can be inserted"):
        anchor_after_line(read("前\n\n```\n没有关\n".encode(), "a.md"), 4)


def test_strip_after_a_hand_edit_keeps_what_the_author_wrote() -> None:
    data = b"a\n\nb\n"
    draft = insert(data, everywhere(data, "x"))
    assert strip(draft.replace(b"a\n", b"A, rewritten\n", 1)) == b"A, rewritten\n\nb\n"
    trimmed = draft.rstrip(b"\n")  # an editor that trims the end of the file
    assert strip(trimmed) == data


def test_a_stamp_that_cannot_be_read() -> None:
    for line in ("expand: sha256=12", "expand:", "expand: sha256=" + "a" * 64 + " status=%zz"):
        with pytest.raises(RegionError) as caught:
            strip(f"---\ntitle: x\n{line}\n---\n\ntext\n".encode())
        assert caught.value.line == 3
    twice = "expand: sha256=" + "a" * 64
    with pytest.raises(RegionError, match="second"):
        stamped_sha256(f"---\n{twice}\n{twice}\n---\n".encode())


def test_stamps_and_what_has_no_place_for_them() -> None:
    assert stamp(b"text\n", sha256="a" * 64, status="draft") == b"text\n"
    assert stamped_sha256(b"text\n") is None
    without = stamp(b"---\ntitle: x\n---\n", sha256="a" * 64, status="draft")
    assert without == b"---\ntitle: x\nexpand: sha256=" + b"a" * 64 + b"\n---\n"
    assert strip(without) == b"---\ntitle: x\n---\n"
    empty = stamp(b"---\nstatus:\n---\n", sha256="a" * 64, status="completed")
    assert empty.startswith(b"---\nstatus: completed\n")
    assert strip(empty) == b"---\nstatus:\n---\n"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_marker_text_in_replies(text: str) -> None:
    assert has_marker_text(text) == bool(
        re.search(r"<!--\s*expand\s*:|expand:(begin|end)", text, re.IGNORECASE)
    )
    assert has_marker_text(f"{text}<!-- Expand:BEGIN x -->")
