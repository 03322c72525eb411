"""What the reader of a seam may change, and what not."""

from __future__ import annotations

import pytest

from agent.errors import Malformed
from agent.pipeline.seams import edit_seam

HEAD = ["下一部分。", "再一句。"]


@pytest.mark.parametrize(
    "display",
    [
        ["$$", "x = 1", "$$"],
        ["\\[", "x = 1", "\\]"],
        ["\\begin{multline}", "x = 1", "\\end{multline}"],
        ["\\begin{align*}", "x = 1", "\\end{align*}"],
        ["~~~python listing", "x = 1", "~~~"],
        ["```python listing", "x = 1", "```"],
        ["一段 {{exp1.loss}}", "x = 1 {{exp1.x}}"],
        ["式 \\label {eq:a}", "x = 1 \\label{eq:b}"],
    ],
)
def test_displays_code_labels_and_values_are_fixed(display: list[str]) -> None:
    for shown in range(len(display) - 1):
        # The window may begin inside of it.
        before, tail = ["前文。", "", *display[:shown]], [*display[shown:], "", "末句。"]
        row = tail.index(display[1]) + 1
        with pytest.raises(Malformed, match="不能动"):
            edit_seam(f"@@ {row}\nx = 2", tail, HEAD, before)
        left, right = edit_seam(f"@@ {len(tail)} 末句 ==> 收尾", tail, HEAD, before)
        assert left == [*tail[:-1], "收尾。"]
        assert right == HEAD


def test_a_display_that_ends_below_the_window_is_fixed() -> None:
    head, after = ["首句。", "", "$$", "x = 1"], ["+ 2", "$$"]
    with pytest.raises(Malformed, match="不能动"):
        edit_seam("@@ 5\nx = 3", ["末句。"], head, (), after)
    left, right = edit_seam("@@ 2 首句 ==> 开头", ["末句。"], head, (), after)
    assert (left, right) == (["末句。"], ["开头。", *head[1:]])


def test_a_rule_at_the_seam_makes_no_heading() -> None:
    assert edit_seam("@@ 1 末句 ==> 收尾", ["末句。"], ["---", "下一部分。"]) == (
        ["收尾。"],
        ["---", "下一部分。"],
    )
