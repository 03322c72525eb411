"""No example computed by hand."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding

_SAID = re.compile(r"手算|数值(?:例子|示例|算例)|算例|具体例子|例[子题]?\s*[：:\d]|[Ww]orked example")


def check(page: Page) -> list[Finding]:
    """Where the standard asks for one, there is an example computed by hand: an ``example-box``, or a heading
    or bold title that says 手算, 算例, 数值例子.
    """
    if not page.standard.example or page.is_part:
        return []
    added = ours(page)
    if any(box.name == "example-box" and box.line in added for box in page.article.boxes):
        return []
    if any(heading.line in added and _SAID.search(heading.text) for heading in page.article.headings):
        return []
    bold = re.compile(r"\*\*[^*\n]*\*\*")
    for number in added:
        if any(_SAID.search(m.group()) for m in bold.finditer(page.article.lines[number - 1])):
            return []
    return [Finding("structure", "worked_example", "warning", "no example computed by hand")]
