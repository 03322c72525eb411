"""Merging into plan.toml: whatever was there and whatever comes, the result is the plan both ask for."""

from __future__ import annotations

import tomllib
import unicodedata
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.books.planfile import merge
from agent.books.reading import parse
from agent.errors import ConfigError

Table = dict[str, Any]
FILES = [f"{name}.md" for name in "abcdefgh"]
TITLES = st.sampled_from(["", "甲", 'mit "Zitat"', "乙\\x", "[[batch]]", "# 不是注释"])
NUMBERS = st.sampled_from([100, 250])


@st.composite
def plans(draw: st.DrawFn) -> list[Table]:
    files = draw(st.permutations(FILES))
    batches: list[Table] = []
    for batch in draw(st.lists(st.sampled_from("123"), unique=True, max_size=3)):
        table: Table = {"id": batch, "sub": []}
        if draw(st.booleans()):
            table["title"] = draw(TITLES)
        for letter in draw(st.lists(st.sampled_from("AB"), unique=True)):
            count = draw(st.integers(0, 2))
            items = [{"file": files.pop(), "title": draw(TITLES)} for _ in range(min(count, len(files)))]
            for item in items:
                if draw(st.booleans()):
                    item["focus"] = ["焦点", draw(TITLES)]
            sub: Table = {"id": batch + letter, "title": draw(TITLES), "item": items}
            if draw(st.booleans()):
                sub["targets"] = {"lines": draw(NUMBERS), "formulas": 4}
            table["sub"].append(sub)
        batches.append(table)
    return batches


def homes(plan: list[Table]) -> dict[str, str]:
    return {i["file"]: s["id"] for b in plan for s in b.get("sub", []) for i in s.get("item", [])}


def read(text: str) -> list[Table]:
    return list(tomllib.loads(text).get("batch", []))


@settings(deadline=None)
@given(plans())
def test_a_new_plan_is_what_was_asked_for(wanted: list[Table]) -> None:
    text = merge("", wanted, []).text
    plan = read(text)
    assert [b["id"] for b in plan] == [b["id"] for b in wanted]
    assert homes(plan) == homes(wanted)
    titles = {s["id"]: (s["title"], s.get("targets")) for b in wanted for s in b["sub"]}
    assert {s["id"]: (s["title"], s.get("targets")) for b in plan for s in b.get("sub", [])} == titles
    again = merge(text, wanted, wanted)
    assert (again.text, again.added, again.kept) == (text, (), ())


@settings(deadline=None)
@given(plans(), plans())
def test_a_second_import_adds_what_is_new_and_moves_nothing(first: list[Table], second: list[Table]) -> None:
    one = merge("", first, []).text
    two = merge(one, second, first).text
    assert homes(read(two)) == {**homes(second), **homes(first)}
    values = {s["id"]: s["title"] for b in read(two) for s in b.get("sub", [])}
    assert values == {s["id"]: s["title"] for b in (*first, *second) for s in b["sub"]}
    three = merge(two, second, second)
    assert (three.text, three.added) == (two, ())


@settings(deadline=None)
@given(plans(), st.data())
def test_comments_and_edits_stay(wanted: list[Table], data: st.DataObject) -> None:
    text = merge("", wanted, []).text
    lines = text.split("\n")
    at = data.draw(st.integers(0, len(lines)))
    commented = "\n".join([*lines[:at], "# 我的备注", *lines[at:]])
    edited = commented.replace("lines = 100", "lines = 77")
    assert merge(edited, wanted, wanted).text == edited
    assert merge(edited, wanted, []).text == edited


def test_a_name_in_another_form_of_unicode_is_the_same_article() -> None:
    """As a Mac writes it: é and ガ in two code points each."""
    composed, decomposed = "é-ガ.md", unicodedata.normalize("NFD", "é-ガ.md")
    assert composed != decomposed
    old = f'[[batch]]\nid = "1"\n[[batch.sub]]\nid = "1A"\n[[batch.sub.item]]\nfile = "{decomposed}"\n'
    wanted = [{"id": "1", "sub": [{"id": "1A", "item": [{"file": composed}]}]}]
    assert merge(old, wanted, []).text == old


@given(plans(), plans())
def test_line_ends_of_windows_stay(first: list[Table], second: list[Table]) -> None:
    old = merge("", first, []).text
    assume(old)
    new = merge(old.replace("\n", "\r\n"), second, first).text
    assert new == merge(old, second, first).text.replace("\n", "\r\n")


def test_an_inline_plan_is_refused_rather_than_rewritten() -> None:
    wanted = [{"id": "1", "sub": [{"id": "1A", "title": "x", "item": [{"file": "b.md", "title": "b"}]}]}]
    with pytest.raises(ConfigError, match="inline array"):
        merge('batch = [{ id = "1" }]\n', wanted, [])
    with pytest.raises(ConfigError, match="inline array"):
        merge('[[batch]]\nid = "1"\nsub = [{ id = "1B" }]\n', wanted, [])


@pytest.mark.parametrize(
    "line", ["# " + " " * 200_000 + "x", "1" * 200_000, "（" * 200_000, "3篇+" * 50_000, "| " * 100_000, "从1行" * 60_000]
)  # fmt: skip
def test_a_monstrous_line_is_passed_over(line: str) -> None:
    assert parse(f"{line}\n- **总完成数**：3/5篇\n", "d.md").figures[-1].value == 3
