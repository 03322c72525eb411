"""Articles: reading them, and the regions an expansion lives in."""

from __future__ import annotations

from agent.article.anchors import Anchor, anchor_after_line, anchors, find_anchor
from agent.article.frontmatter import front_matter
from agent.article.parts import (
    Article,
    Block,
    Box,
    Code,
    Formula,
    FrontMatter,
    Heading,
    Image,
    Label,
    Link,
    Span,
    Stray,
)
from agent.article.regions import (
    Insertion,
    Region,
    has_marker_text,
    has_stub,
    insert,
    refuse_markers,
    regions,
    stamp,
    stamped_sha256,
    strip,
    stub_lines,
)
from agent.article.tex import normalise
from agent.article.text import prose, read

__all__ = [
    "Anchor",
    "Article",
    "Block",
    "Box",
    "Code",
    "Formula",
    "FrontMatter",
    "Heading",
    "Image",
    "Insertion",
    "Label",
    "Link",
    "Region",
    "Span",
    "Stray",
    "anchor_after_line",
    "anchors",
    "find_anchor",
    "front_matter",
    "has_marker_text",
    "has_stub",
    "insert",
    "normalise",
    "prose",
    "read",
    "refuse_markers",
    "regions",
    "stamp",
    "stamped_sha256",
    "strip",
    "stub_lines",
]
