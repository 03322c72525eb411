"""Generated tags: every numbered row of ours gets one, and nothing else changes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.article.tex import numbered
from agent.checks import mathjax
from agent.pipeline.tags import tag_display

TAG = re.compile(r" \\tag\{E\d+\}")

CASES = [
    ("equation", r"\begin{equation}x\end{equation}", ["E1"]),
    ("equation*", r"\begin{equation*}x\end{equation*}", []),
    ("equation*", r"\begin{equation*}x\label{eq:a}\end{equation*}", ["E1"]),
    ("$$", r"$$x$$", []),
    ("$$", r"$$x\label{eq:a}$$", ["E1"]),
    (r"\[", r"\[x\label{eq:a}\]", ["E1"]),
    ("align", "\\begin{align}a &= b \\\\\nc &= d\\end{align}", ["E1", "E2"]),
    ("align", "\\begin{align}a &= b \\notag\\\\\nc &= d\\end{align}", ["E1"]),
    ("align", "\\begin{align}a &= b \\nonumber \\\\ c &= d \\\\ \\end{align}", ["E1"]),
    ("align*", "\\begin{align*}a &= b \\label{eq:a}\\\\\nc &= d\\end{align*}", ["E1"]),
    ("gather", "\\begin{gather}a \\\\[4pt] b\\end{gather}", ["E1", "E2"]),
    (
        "align",
        "\\begin{align}A &= \\begin{pmatrix}1 \\\\ 2\\end{pmatrix} \\\\ b &= {c}\\end{align}",
        ["E1", "E2"],
    ),
    ("equation", "\\begin{equation}\\begin{aligned}a &= b \\\\ c &= d\\end{aligned}\\end{equation}", ["E1"]),
    ("multline", "\\begin{multline}a \\\\ b\\end{multline}", ["E1"]),
    ("equation", "\\begin{equation}x = y % 为什么\n\\end{equation}", ["E1"]),
    ("equation", "\\begin{equation}x = 5\\% % \\tag{9} \\notag\n\\end{equation}", ["E1"]),
    ("equation*", "\\begin{equation*}x % \\label{eq:a}\n\\end{equation*}", []),
    ("align", "\\begin{align}a &= b % 不换行 \\\\\n+ c % { \n\\\\ d &= e\\end{align}", ["E1", "E2"]),
    ("align", "\\begin{align}a &= b \\cr c &= d\\end{align}", ["E1", "E2"]),
    ("equation*", "\\begin{equation*}x\\label {eq:a}\\end{equation*}", ["E1"]),
    ("equation", "\\begin {equation}x\\end {equation}", ["E1"]),
    ("alignat", "\\begin{alignat}{2}a &= b \\\\ c &= d\\end{alignat}", ["E1", "E2"]),
    ("align", "\\begin{align}\\text{第 1 行 \\\\} a &= b \\\\ c &= d\\end{align}", ["E1", "E2"]),
]


@pytest.mark.parametrize(("env", "raw", "tags"), CASES)
def test_rows_that_get_a_tag(env: str, raw: str, tags: list[str]) -> None:
    tagged, last = tag_display(env, raw, 0)
    assert re.findall(r"\\tag\{(E\d+)\}", tagged) == tags
    assert last == len(tags)
    assert TAG.sub("", tagged) == raw


def test_the_published_page_accepts_the_tags_and_numbers_nothing_itself() -> None:
    """MathJax reads each tagged display; two tags in a row, or one in a wrong place, would be an error."""
    shown = [
        (re.sub(r"^(\$\$|\\\[)|(\$\$|\\\])$", "", tag_display(env, raw, 0)[0]), True) for env, raw, _ in CASES
    ]
    assert [m for formula in shown for m in mathjax.read([formula]) if m] == []


piece = st.sampled_from(
    [
        "a",
        "&=",
        "{b}",
        "\\frac{1}{2}",
        "\\label{eq:x}",
        "\\notag",
        "\\{",
        "\\}",
        "\\,",
        "\n",
        " ",
        "% 注\n",
        "\\%",
        "% \\\\ {\n",
    ]
)
matrix = st.just("\\begin{matrix}1 \\\\ 2\\end{matrix}")


@given(
    st.sampled_from(["equation", "equation*", "align", "align*", "gather", "multline", "eqnarray"]),
    st.lists(st.lists(st.one_of(piece, matrix), max_size=6).map("".join), min_size=1, max_size=5),
    st.integers(0, 99),
)
def test_tags_go_on_from_the_last_one_and_change_nothing_else(env: str, rows: list[str], last: int) -> None:
    raw = f"\\begin{{{env}}}" + "\\\\".join(rows) + f"\\end{{{env}}}"
    tagged, now = tag_display(env, raw, last)
    numbers = [int(n) for n in re.findall(r"\\tag\{E(\d+)\}", tagged)]
    assert numbers == list(range(last + 1, now + 1))
    assert TAG.sub("", tagged) == raw
    assert numbered(tagged) == 0, "every row that would get a number has a tag"
    assert tag_display(env, tagged, now) == (tagged, now), "what has a tag gets no second one"
