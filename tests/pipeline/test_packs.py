"""Parts packed into calls, and replies taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import Malformed
from agent.pipeline.packs import join, pack_chapter, parse_parts, split, take_notes, vet
from agent.pipeline.records import Chapter, Part

IDS = ("theory.1", "theory.2", "theory.3")


def part(number: int, lines: int = 30, formulas: int = 0, experiment: str | None = None) -> Part:
    labels = tuple(f"eq:{number}-{n}" for n in range(formulas))
    return Part(f"theory.{number}", "题", "旨", None, False, (), (), labels, experiment, "", lines)


rows = st.lists(
    st.text(st.sampled_from("甲乙 $x=#\\`"), max_size=10).filter(
        lambda s: not s.lstrip().startswith(("```", "==="))
    ),
    max_size=5,
)
fences = rows.map(lambda body: ["```python listing", *body, "=== theory.2", "%% 注释", "```"])
bodies = st.lists(st.one_of(rows, fences), min_size=1, max_size=3).map(
    lambda groups: "\n".join(row for group in groups for row in group)
)
texts = bodies.map(lambda s: s.strip("\n")).filter(lambda s: s.strip() != "")


@given(st.lists(texts, min_size=1, max_size=3))
def test_what_is_joined_can_be_split(parts: list[str]) -> None:
    pairs = list(zip(IDS, parts, strict=False))
    assert split(join(pairs), [id for id, _ in pairs]) == dict(pairs)


@given(
    st.lists(st.sampled_from(["=== theory.1", "=== theory.2", "=== theory.9", "正文", "", "```"]), max_size=9)
)
def test_any_reply_gives_all_parts_or_is_refused(lines: list[str]) -> None:
    for ids in (IDS[:1], IDS[:2]):
        try:
            found = split("\n".join(lines), ids)
        except Malformed:
            continue
        assert set(found) == set(ids)
        assert all(text.strip() for text in found.values())


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("=== theory.1\n\n一", "缺少 theory.2"),
        ("=== theory.1\n\n一\n=== theory.2\n\n\n", "缺少 theory.2"),
        ("=== theory.1\n\n一\n=== theory.1\n\n二\n=== theory.2\n\n三", "出现两次"),
        ("=== theory.1\n\n一\n=== theory.7\n\n二", "theory.7"),
        ("好的。\n=== theory.1\n\n一\n=== theory.2\n\n二", "不属于任何部分"),
        ("", "缺少"),
    ],
)
def test_refused(reply: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        split(reply, IDS[:2])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- expand:begin theory.1 glue=0 -->", "区域标记"),
        ("```\n<!-- expand:end theory.1 -->\n```", "区域标记"),
        ("一\n### 标题", "第 2 行"),
        ("一\n# 标题", "第 2 行"),
        ("一\n\n   # 标题", "第 3 行"),
        ("#\t标题", "第 1 行"),
        ("标题\n===", "第 1 行"),
        ("一\n\n标题\n---", "第 3 行"),
        ("---\n# 标题\n---", "第 2 行"),
        ("#", "第 1 行"),
        ("$$x \\tag{3}$$", "编号由程序生成"),
        ("<!-- 注释 -->", "HTML 注释"),
        ("```python experiment id=/var/tmp/PWN\nemit('a', 1)\n```", "第 1 行"),
        ("一\n\n```python experiment id=../x\n```", "第 3 行"),
        ("```python experiment id=practice1/../../x\n```", "第 1 行"),
        ("```python experiment id=solver\n```", "practice1"),
        ("```python experiment\n```", "practice1"),
    ],
)
def test_what_no_text_may_hold(text: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        vet(text)


def test_a_tilde_fence_is_a_fence_for_parts_and_notes() -> None:
    text = "~~~\n=== theory.9\n%% 代码\n~~~"
    assert split(f"=== theory.1\n\n{text}\n\n=== theory.2\n\n二", IDS[:2]) == {
        "theory.1": text,
        "theory.2": "二",
    }
    assert take_notes(f"{text}\n%% 说明") == (text, ("说明",))


def test_what_a_text_may_hold() -> None:
    vet("~~~python listing\n# 注释\n## 也是\n\\tag{1}\n~~~\n\n---\n\n一段\n\n---\n")
    vet("- 列表\n\n  ~~~\n  # 注释\n  ~~~\n")
    vet("```python experiment id=practice1\nemit('a', 1)\n```\n\n```python experimental\n```")
    vet(
        "#### 小标题\n\n```python listing\n# 注释\n### 也是注释\n```\n\n```\nx \\tag{1}\n```\n\n#话题不是标题"
    )


def test_notes_to_the_editor_are_taken_out() -> None:
    reply = "\n\n正文\n%% 公式推出来不一样\n```tex\n%% 代码里的\n```\n%% 还有一句\n"
    text, notes = take_notes(reply)
    assert text == "正文\n```tex\n%% 代码里的\n```"
    assert notes == ("公式推出来不一样", "还有一句")
    written = parse_parts("正文\n%% 话", ["theory.1"])
    assert (written.text, written.notes) == ("正文", ("话",))


@given(
    st.lists(st.tuples(st.integers(8, 120), st.integers(0, 4), st.booleans()), max_size=14),
    st.integers(10, 200),
    st.integers(0, 8),
)
def test_packs_hold_every_part_once_in_order_within_limits(
    shapes: list[tuple[int, int, bool]], lines: int, formulas: int
) -> None:
    parts = tuple(part(n, a, b, f"exp{n}" if c else None) for n, (a, b, c) in enumerate(shapes, 1))
    packs = pack_chapter(Chapter("theory", parts), lines=lines, formulas=formulas)
    assert tuple(p for pack in packs for p in pack.parts) == parts
    for pack in packs:
        if len(pack.parts) > 1:
            assert sum(p.lines for p in pack.parts) <= lines
            assert sum(len(p.formulas) for p in pack.parts) <= formulas
            assert not any(p.experiment for p in pack.parts)
