"""Time: whatever a file holds, reading it takes time in proportion to its length."""

from __future__ import annotations

import sys
import time
from types import FrameType

import pytest

from agent.article import anchors, insert, read, regions
from agent.article.regions import Insertion
from agent.measure import measure, quick

TRIES = 6
LONG = {
    "dollars": "$ a",
    "double dollars": "$$ a\n",
    "environments": "\\begin{equation}\\begin{align}",
    "brackets": "\\[ \\( ",
    "backticks": "`a``b```c ",
    "comments": "<!-- a ",
    "comments in lines": "x <!-- a\n",
    "raw elements": "<pre <code>",
    "boxes": "<div class=a>",
    "links": '[![a](b "c [d](',
    "backslashes": "\\",
    "spaces": "    ",
    "quotes and fences": "> ```\n",
    "nested lists": "- a\n\n      b\n",
    "blank lines": "\n",
    "blank lines with spaces": "     \n",
    "table rows": "|-|\n",
    "dashes": "- ",
    "braces": "$\\\\{$ {",
    "tags": "\\tag{",
    "headings": "# #",
    "carriage returns": "\r",
}


def work(text: str) -> None:
    article = read(text.encode(), "a.md")
    anchors(article)
    measure(article)


def steps(text: str) -> int:
    """Calls of functions, Python's and C's: the same on every machine, however busy."""
    count = 0

    def step(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(step)
    try:
        work(text)
    finally:
        sys.setprofile(None)
    return count


def seconds(text: str) -> float:
    """Processor time."""
    start = time.process_time()
    work(text)
    return time.process_time() - start


def grown(name: str, wrapped: bool, size: int) -> tuple[str, str]:
    """A text, and one of eight times as much."""
    short = LONG[name] * (size // len(LONG[name]))
    texts = (short, short * 8)
    if wrapped:
        texts = tuple(f"$$\\begin{{equation}}{text}\\end{{equation}}$$" for text in texts)
    return texts[0], texts[1]


@pytest.mark.parametrize("wrapped", [False, True], ids=["prose", "mathematics"])
@pytest.mark.parametrize("name", LONG)
def test_steps_grow_as_the_text_does(name: str, wrapped: bool) -> None:
    """Eight times the text takes eight times the steps, and some to begin with; a square would take 64 times."""
    short, long = grown(name, wrapped, 1_000)
    work(short)  # what is done once, such as compiling patterns, is no step of the text
    assert steps(long) < 10 * steps(short) + 200


@pytest.mark.parametrize("wrapped", [False, True], ids=["prose", "mathematics"])
@pytest.mark.parametrize("name", LONG)
def test_time_grows_as_the_text_does(name: str, wrapped: bool) -> None:
    """A search inside one pattern is a single step; that it is no square, only time tells. Eight times the text may
    take thirty times as long where measuring is rough, never the 64 of a square. The least of several tries counts,
    because the machine has other things to do."""
    short, long = grown(name, wrapped, 10_000)
    floor = max(min(seconds(short) for _ in range(2)), 0.004)
    assert any(seconds(long) < 30 * floor for _ in range(TRIES))


def test_a_line_of_five_megabytes() -> None:
    data = ("一段文字 $a$ 与 `b`，\\begin{equation}c\\end{equation} <b>" * 100_000).encode()
    assert len(data) > 5_000_000
    assert quick(data) == (0, 100_000)


def test_hundreds_of_regions() -> None:
    data = "".join(f"段落 {number}\n\n" for number in range(800)).encode()
    places = anchors(read(data, "a.md"))
    draft = insert(data, [Insertion(f"r.{n}", "正文", anchor) for n, anchor in enumerate(places)])
    assert len(regions(draft)) == 801
