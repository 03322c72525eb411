"""Time: whatever a file holds, reading it takes time in proportion to its length."""

from __future__ import annotations

import time

import pytest

from agent.article import anchors, insert, read, regions
from agent.article.regions import Insertion
from agent.measure import measure, quick

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


def seconds(text: str) -> float:
    """Processor time, best of two, because the machine has other things to do."""
    data = text.encode()
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        article = read(data, "a.md")
        anchors(article)
        measure(article)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("wrapped", [False, True], ids=["prose", "mathematics"])
@pytest.mark.parametrize("name", LONG)
def test_time_grows_as_the_text_does(name: str, wrapped: bool) -> None:
    """Eight times the text may take thirty times as long where measuring is rough, never the 64 of a square."""
    short = LONG[name] * (10_000 // len(LONG[name]))
    long = short * 8
    if wrapped:
        short, long = (f"$$\\begin{{equation}}{text}\\end{{equation}}$$" for text in (short, long))
    assert seconds(long) < 30 * max(seconds(short), 0.004)


def test_a_line_of_five_megabytes() -> None:
    data = ("一段文字 $a$ 与 `b`，\\begin{equation}c\\end{equation} <b>" * 100_000).encode()
    assert len(data) > 5_000_000
    assert quick(data) == (0, 100_000)


def test_hundreds_of_regions() -> None:
    data = "".join(f"段落 {number}\n\n" for number in range(800)).encode()
    places = anchors(read(data, "a.md"))
    draft = insert(data, [Insertion(f"r.{n}", "正文", anchor) for n, anchor in enumerate(places)])
    assert len(regions(draft)) == 801
