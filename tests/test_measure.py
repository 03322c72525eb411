"""Measures: each definition of docs/measures.md, and the fast path that must agree with the full one."""

from __future__ import annotations

import dataclasses
import re

from hypothesis import given, settings

from agent.article import Insertion, anchors, insert, read
from agent.measure import added, glance, measure, meets, quick
from agent.records import Measure, TargetResult, Targets
from tests.article import made
from tests.corpus import ROOT

TEXT = """---
title: 题目 and words
---

# 一级 #

共有 3 个 GPU，学习率 1e-3：
\\begin{equation}\\text{汉字}\\end{equation}  
其中 $x$ 与 $y$。

<div class="note-box">
<!-- 一段
注释 -->
**注** <b>粗</b>

</div>

```python
print("汉字")

```

```
x
```
"""


def of(text: str) -> Measure:
    return measure(read(text.encode(), "a.md"))


def test_one_of_each() -> None:
    assert of(TEXT) == Measure(
        lines=25,
        substance_lines=10,
        formulas=1,
        numbered=1,
        inline_formulas=2,
        code_blocks={"": 1, "python": 1},
        headings={"1": 1},
        boxes={"note-box": 1},
        han_chars=len("一级共有个学习率其中与注粗"),
        words=len(["3", "GPU", "1e", "3"]),
        tokens=None,
    )


def test_lines_are_those_of_wc() -> None:
    assert of("").lines == 0
    assert of("a").lines == 0
    assert of("a\r\nb\rc\n\n").lines == 3


def test_tokens_are_counted_by_whoever_can() -> None:
    article = read("一二三".encode(), "a.md")
    assert measure(article, count=len).tokens == 3


@settings(max_examples=300, deadline=None)
@given(made.articles)
def test_quick_agrees_with_measure(data: bytes) -> None:
    whole = measure(read(data, "a.md"))
    assert quick(data) == (whole.lines, whole.formulas)
    assert glance(data) == (whole.lines, whole.formulas, whole.inline_formulas, len(data.decode()))
    assert whole.lines == data.count(b"\n")
    assert 0 <= whole.substance_lines <= whole.lines + 1
    assert whole.numbered >= 0


@settings(max_examples=150, deadline=None)
@given(made.articles)
def test_a_region_adds_exactly_what_it_holds(data: bytes) -> None:
    article = read(data, "a.md")
    text = "### 节\n\n推导\n\\begin{equation}a\\end{equation}\n\n```python\nx\n```"
    places = anchors(article)
    draft = read(insert(data, [Insertion(f"r{n}", text, place) for n, place in enumerate(places)]), "a.md")
    change = added(measure(article), measure(draft))
    count = len(places)
    glue = draft.data.count(b"\n") - article.data.count(b"\n") - 13 * count
    assert 0 <= glue <= 2
    assert change.formulas == change.numbered == count
    assert change.code_blocks == ({"python": count} if count else {})
    assert change.headings == ({"3": count} if count else {})
    assert change.han_chars == 3 * count


def test_added_takes_every_field() -> None:
    before, after = of("# 一\n"), of(TEXT)
    change = added(before, after)
    assert change.lines == 24
    assert change.headings == {}
    assert change.code_blocks == {"": 1, "python": 1}
    assert added(after, before).code_blocks == {"": -1, "python": -1}
    assert added(after, after) == dataclasses.replace(Measure(), tokens=None)
    counted = dataclasses.replace(after, tokens=50)
    assert added(dataclasses.replace(before, tokens=20), counted).tokens == 30
    assert added(before, counted).tokens is None


def test_targets_apply_to_the_total_unless_added_is_asked_for() -> None:
    before, after = Measure(lines=600, formulas=30), Measure(lines=1100, formulas=35)
    assert meets(Targets(lines=1000, formulas=40), before, after) == (
        TargetResult("lines", 1000, 1100),
        TargetResult("formulas", 40, 35),
    )
    assert [result.met for result in meets(Targets(lines=1000, formulas=40), before, after)] == [True, False]
    assert meets(Targets(lines=400, added=True), before, after) == (TargetResult("lines", 400, 500),)
    assert meets(Targets(), before, after) == ()


def test_every_field_is_defined_in_the_docs() -> None:
    docs = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    defined = re.findall(r"^## `(\w+)`", docs, re.MULTILINE)
    assert defined == [field.name for field in dataclasses.fields(Measure)]
