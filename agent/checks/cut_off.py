"""Text that stops in the middle of a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.article import regions
from agent.checks.page import Page
from agent.errors import RegionError
from agent.records import Finding

_GOES_ON = re.compile(r"[，、（(「“《,=+\-]$|(?:因为|所以|由于|其中|例如|以及|并且|如果|于是|即|和|与|的)$")
_ENDS = re.compile(r"[。！？；…!?.;）)」”』》\]}$|>`*_~—]$|\\\)$|\\\]$")
_NO_SENTENCE = re.compile(r"^\s*+(?:#|\||[-*+]\s|\d+[.)]\s|>|<|```|~~~|!\[|\{\{|\$\$|\\end|\[)")


def check(page: Page) -> list[Finding]:
    """A part, and every region of a page, ends where a sentence ends.

    Error after a comma, an opening bracket or a word like 因为; a warning after any other letter. Ends of
    lists, tables, code and displays need no full stop.
    """
    found = []
    for number, text in _last_lines(page):
        if _NO_SENTENCE.match(text):
            continue
        if _GOES_ON.search(text):
            message = f"the text breaks off: …{text[-20:]}"
            found.append(Finding("structure", "cut_off", "error", message, number))
        elif not _ENDS.search(text):
            message = f"no sentence ends here: …{text[-20:]}"
            found.append(Finding("structure", "cut_off", "warning", message, number))
    return found


def _last_lines(page: Page) -> Iterator[tuple[int, str]]:
    """(line, text) of the last line of a part, or of each region, with something in it; not inside code."""
    code = {n for block in page.article.codes for n in range(block.line, block.last_line + 1)}
    for first, last in _stretches(page):
        for number in range(last, first - 1, -1):
            text = page.article.lines[number - 1].rstrip()
            if text:
                if number not in code:
                    yield number, text
                break


def _stretches(page: Page) -> list[tuple[int, int]]:
    if page.is_part:
        return [(1, len(page.article.lines))]
    try:
        return [(region.begin_line + 1, region.end_line - 1) for region in regions(page.article.data)]
    except RegionError:
        return []
