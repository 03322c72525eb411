"""A second opinion on blocks and anchors: what a Markdown reader makes of an article, with and without regions."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from agent.article import read

Shape = list[tuple[str, str, int, str]]

_TAG_LINE = re.compile(r" {0,3}<(?!!--|https?:)")
_OPENER = re.compile(r"[> \t]*(?:[-+*] )*(?:```|~~~|<!--|<pre|<script)")


def shape(text: str, *, skip_regions: bool = False) -> Shape:
    """Type, tag, depth and content of every block; with ``skip_regions`` what stands between markers is left
    out, and markers that are not top-level blocks of their own stay, so that they show.

    Display mathematics is masked first: no Markdown reader knows that ``- \\gamma`` in it is no list."""
    found: Shape = []
    inside = False
    for token in MarkdownIt("commonmark").enable("table").disable("inline").parse(_masked(text)):
        content = token.content.rstrip("\n")
        if skip_regions and token.type == "html_block" and token.level == 0:
            if content.startswith("<!-- expand:begin ") and content.endswith("-->"):
                inside = True
                continue
            if content.startswith("<!-- expand:end ") and content.endswith("-->"):
                inside = False
                continue
        if not inside:
            found.append((token.type, token.tag, token.level, content))
    return found


def _masked(text: str) -> str:
    out = []
    pos = 0
    for formula in read(text.encode(), "a.md").displays:
        out += [text[pos : formula.start], re.sub(r"[^\s>]", "m", formula.raw)]
        pos = formula.stop
    return "".join([*out, text[pos:]])


def is_disputed(text: str) -> bool:
    """A fence, comment or ``<pre>`` right under an HTML tag, with no blank line between: CommonMark takes it for
    HTML up to the next blank line. Writers mean a fence, and so do we."""
    under_tag = False
    for row in text.split("\n"):
        if not row.strip(" \t\r\ufeff"):
            under_tag = False
        elif under_tag and _OPENER.match(row):
            return True
        elif _TAG_LINE.match(row.lstrip("\ufeff")):
            under_tag = True
    return False
