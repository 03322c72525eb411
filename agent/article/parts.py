"""What an article is made of. All records are frozen; lines and columns are 1-based, ``last`` is included.

A line ends with ``\\n`` or ``\\r\\n``, both in one file if need be; a lone ``\\r`` ends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal[
    "heading", "paragraph", "fence", "html", "list", "quote", "table", "display", "rule", "indented"
]
SpanKind = Literal["display", "inline", "fence", "indented", "code", "comment", "raw"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of ``Article.text`` that is not prose; spans come in order and never overlap."""

    kind: SpanKind
    """``code`` is inline code, ``comment`` an HTML comment, ``raw`` an element MathJax never looks into
    (``script``, ``style``, ``pre``, ``textarea``, ``code``)."""
    start: int
    """Offset in characters, delimiters included."""
    stop: int
    name: str = ""
    """Mathematics: the environment or the opening delimiter. Raw: the element."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A delimiter that opens something which nothing closes, such as ``$$`` or ``\\begin{align}``."""

    name: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str
    """Without the ``#`` signs on either side (the converter leaves `` #`` behind)."""
    line: int


@dataclass(frozen=True, slots=True)
class Formula:
    kind: Literal["display", "inline"]
    env: str
    """Environment (``equation``, ``align*`` …) or opening delimiter (``$$``, ``\\[``, ``$``, ``\\(``)."""
    raw: str
    """As it stands in the file, delimiters included."""
    tex: str
    """What MathJax is given: plain TeX, converter escapes undone; ``\\begin``…``\\end`` of an environment
    included, other delimiters left out."""
    line: int
    column: int
    last_line: int
    labels: tuple[str, ...]
    tags: tuple[str, ...]
    """Arguments of ``\\tag`` and ``\\tag*``."""
    numbered: int
    """Rows that get an automatic number under MathJax ``tags: 'ams'``; a ``\\tag`` is no number."""
    start: int = 0
    """Offset in ``Article.text``, in characters."""
    stop: int = 0


@dataclass(frozen=True, slots=True)
class Code:
    """A fenced block."""

    language: str
    info: str
    """The rest of the info string, as in ``python experiment id=exp1``."""
    text: str
    """Without the fences and without the indentation or quote marks the fence itself has; ``\\n`` at line
    ends."""
    line: int
    last_line: int
    closed: bool
    """False where the file or the container ends first."""


@dataclass(frozen=True, slots=True)
class Box:
    """``<div class=…>`` or ``<details>``, across blank lines."""

    name: str
    """The first class; ``details`` where it has none."""
    line: int
    last_line: int
    """Line of the closing tag; for a box that nothing closes, the last line before the next blank one."""
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    text: str
    url: str
    line: int


@dataclass(frozen=True, slots=True)
class Image:
    alt: str
    url: str
    line: int


@dataclass(frozen=True, slots=True)
class Label:
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block outside the front matter, lines ``first`` to ``last``.

    Display mathematics never ends a paragraph it stands in, and a box is one block up to its closing tag.
    """

    kind: BlockKind
    first: int
    last: int
    text: str
    """Its lines, joined with ``\\n``."""
    open: bool = False
    """True for a fence, comment or box that the end of the file cuts off."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The flat ``key: value`` lines between two ``---`` at the very start of the file."""

    first: int
    last: int
    """Lines of the opening and the closing ``---``."""
    fields: Mapping[str, str]
    """Values stripped, one pair of quotes removed; of a repeated key the first counts."""


@dataclass(frozen=True, slots=True)
class Article:
    name: str
    data: bytes
    text: str
    lines: tuple[str, ...]
    """Without line endings; what follows the last ``\\n`` is a line only when it holds something."""
    front: FrontMatter | None
    blocks: tuple[Block, ...]
    headings: tuple[Heading, ...]
    formulas: tuple[Formula, ...]
    """Display and inline, in file order."""
    codes: tuple[Code, ...]
    boxes: tuple[Box, ...]
    links: tuple[Link, ...]
    images: tuple[Image, ...]
    labels: tuple[Label, ...]
    """Every ``\\label`` of every formula, in file order."""
    spans: tuple[Span, ...]
    strays: tuple[Stray, ...]
    body: int
    """Offset in ``text`` (characters) at which the front matter is over."""

    @property
    def title(self) -> str:
        """``title`` of the front matter, else the first heading, else the file's stem."""
        if self.front and self.front.fields.get("title"):
            return self.front.fields["title"]
        for heading in self.headings:
            if heading.text:
                return heading.text
        stem = self.name.replace("\\", "/").rsplit("/", 1)[-1]
        return stem.removesuffix(".md")

    @property
    def displays(self) -> tuple[Formula, ...]:
        return tuple(formula for formula in self.formulas if formula.kind == "display")
