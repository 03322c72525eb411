"""Replies of edits: read, checked and made."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import Malformed
from agent.pipeline.edits import apply, numbered, parse_edits

TEXT = "一\n二 甲乙丙\n三\n四\n五 甲甲"

line = st.text(st.sampled_from("甲乙丙 $x\\_{}=+#`@%~>"), max_size=12).filter(
    lambda s: not s.startswith(("@@", "%% ", "```"))
)
solid = line.filter(lambda s: s.strip() != "")


@dataclass
class Case:
    """A reply, and what must come of it by the plain reading of its rules."""

    text: str
    reply: str
    expected: str


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Replacements of spans that do not meet, insertions outside them, in any order."""
    lines = draw(st.lists(line, min_size=1, max_size=14))
    total = len(lines)
    spans: list[tuple[int, int]] = []
    at = 1
    while at <= total:
        if draw(st.integers(0, 3)) == 0:
            last = min(total, at + draw(st.integers(0, 3)))
            spans.append((at, last))
            at = last + 1
        else:
            at += 1
    inside = {n for first, last in spans for n in range(first, last)}
    places = draw(st.lists(st.sampled_from([n for n in range(total + 1) if n not in inside]), max_size=4))
    bodies = st.one_of(st.just([]), st.tuples(st.lists(line, max_size=3), solid).map(lambda t: [*t[0], t[1]]))
    blocks: list[tuple[str, int, int | None, list[str]]] = []
    for first, last in spans:
        head = f"@@ {first}" if first == last and draw(st.booleans()) else f"@@ {first}-{last}"
        blocks.append((head, first, last, draw(bodies)))
    blocks += [(f"@@ {n}+", n, None, draw(bodies)) for n in places]
    blocks = draw(st.permutations(blocks))
    reply = "\n".join("\n".join([head, *body]) for head, _, _, body in blocks)
    inserted: dict[int, list[str]] = {}
    replaced: dict[int, tuple[int, list[str]]] = {}
    for _, first, last, body in blocks:
        if last is None:
            inserted.setdefault(first, []).extend(body)
        else:
            replaced[first] = (last, body)
    expected = list(inserted.get(0, []))
    number = 1
    while number <= total:
        last, body = replaced.get(number, (number, [lines[number - 1]]))
        expected += body
        expected += inserted.get(last, [])
        number = last + 1
    return Case("\n".join(lines), reply or "@@ 无", "\n".join(expected))


@given(cases())
def test_edits_are_made_where_they_say(case: Case) -> None:
    edits = parse_edits(case.reply, case.text)
    assert apply(case.text, edits) == case.expected


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "@@ 1",
                    "@@ 2-3",
                    "@@ 2+",
                    "@@ 3+",
                    "@@ 0+",
                    "@@ 无",
                    "@@ 2 甲 ==> 丁",
                    "@@ 5 甲 ==>",
                    "```",
                    "%% 话",
                    "@@ 9",
                    "@@ 见证 eq:a",
                ]
            ),
            line,
        ),
        max_size=8,
    )
)
def test_any_reply_is_read_or_refused_with_a_reason(rows: list[str]) -> None:
    try:
        edits = parse_edits("\n".join(rows), TEXT)
    except Malformed:
        return
    after = apply(TEXT, edits)
    touched = {n for e in edits.edits if e.last for n in range(e.first, e.last + 1)} | {
        s.line for s in edits.swaps
    }
    for number, row in enumerate(TEXT.split("\n"), 1):
        assert number in touched or row in after.split("\n")
    assert edits.empty == (not edits.edits and not edits.swaps and not edits.witnesses)


@pytest.mark.parametrize(
    ("reply", "after"),
    [
        ("@@ 2 乙 ==> 丁", "一\n二 甲丁丙\n三\n四\n五 甲甲"),
        ("@@ 2 乙 ==>", "一\n二 甲丙\n三\n四\n五 甲甲"),
        ("@@ 2 甲 ==> 乙\n@@ 2 丙 ==> 丁", "一\n二 乙乙丁\n三\n四\n五 甲甲"),
        ("@@ 2 甲 ==> 丙\n@@ 2 丙 ==> 丁", "一\n二 丙乙丁\n三\n四\n五 甲甲"),
        ("@@ 0+\n零", "零\n" + TEXT),
        ("@@ 5+\n六\n\n\n", TEXT + "\n六"),
        ("@@ 3+\na\n@@ 3+\nb", "一\n二 甲乙丙\n三\na\nb\n四\n五 甲甲"),
        ("@@ 3\n@@ 3+\n新", "一\n二 甲乙丙\n新\n四\n五 甲甲"),
        (
            "@@ 4\n```python listing\n@@ 1\n%% 不是话\n```",
            "一\n二 甲乙丙\n三\n```python listing\n@@ 1\n%% 不是话\n```\n五 甲甲",
        ),
        ("%% 不改 1：检查误报", TEXT),
        ("@@ 无：没有可改的", TEXT),
    ],
)
def test_forms(reply: str, after: str) -> None:
    assert apply(TEXT, parse_edits(reply, TEXT)) == after


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("@@ 6\n新", "只有 5 行"),
        ("@@ 0\n新", "只有 5 行"),
        ("@@ 4-3\n新", "只有 5 行"),
        ("@@ 1-3\na\n@@ 3-4\nb", "改了两次"),
        ("@@ 2\na\n@@ 2\nb", "改了两次"),
        ("@@ 2-4\na\n@@ 3+\nb", "第 3 行"),
        ("@@ 5 甲 ==> 乙", "出现 2 次"),
        ("@@ 5 丁 ==> 乙", "出现 0 次"),
        ("@@ 9 甲 ==> 乙", "只有 5 行"),
        ("@@ 2\n新\n@@ 2 甲 ==> 乙", "又行内替换"),
        ("@@ 2 甲乙 ==> a\n@@ 2 乙丙 ==> b", "第 2 行"),
        ("@@ 无\n@@ 3\n新", "既说无改动"),
        ("好的，我来改：\n@@ 3\n新", "不在任何一处改动里"),
        ("@@ 第三行\n新", "读不懂"),
        ("@@ 3\n```python listing\nx = 1\n@@ 5\n新", "代码块"),
    ],
)
def test_refused(reply: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parse_edits(reply, TEXT)


def test_what_is_said_to_the_editor_and_witnesses() -> None:
    edits = parse_edits("@@ 见证 eq:a\n```python witness eq=eq:a\nx\n```\n%% 公式没有错\n@@ 1\n壹", TEXT)
    assert edits.notes == ("公式没有错",)
    assert edits.witnesses == (("eq:a", "```python witness eq=eq:a\nx\n```"),)
    assert apply(TEXT, edits).startswith("壹\n")


def test_the_numbers_a_writer_sees_are_those_edits_use() -> None:
    for number, row in enumerate(numbered(TEXT).split("\n"), 1):
        shown, _, content = row.partition(" ")
        assert int(shown) == number
        assert apply(TEXT, parse_edits(f"@@ {shown}\n换", TEXT)).split("\n")[number - 1] == "换"
        assert content == TEXT.split("\n")[number - 1]
