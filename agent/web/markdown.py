"""An article as HTML, block by block with its lines, mathematics kept away from Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from agent.article import Article, Block, read, regions
from agent.pipeline.badges import BADGE
from agent.web.clean import clean
from agent.web.formulas import Formulas, formula_html, formulas_of, reference_html
from agent.web.highlight import python_html

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

OPEN, CLOSE, FILL = "\ue000", "\ue001", "\ue002"
"""Private characters: a formula is OPEN number CLOSE, a reference OPEN r number CLOSE; FILL keeps its other lines."""
TOKEN = re.compile(f"{OPEN}(r?)(\\d+){CLOSE}")
FILLERS = re.compile(f"(?:\\s*{FILL})+")
BROKEN = re.compile(f"(?:<br>\\s*)?{OPEN}(\\d+){CLOSE}(?:\\s*<br>)?")
"""A formula with the hard breaks around it, which a display does not need."""
ENTITY = re.compile(r"&#(?:x0*([0-9a-f]{4})(?![0-9a-f])|0*([0-9]{5})(?![0-9]));?", re.I)
REFERENCE = re.compile(r"\\(eqref|ref)\{([^{}\n]*)\}")
WIDE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef\u2014\u2018\u2019\u201c\u201d\u2026]")
LONGEST = 20_000
"""Characters of a line; what is longer is shown cut, as plain text."""
SHOWN = 2_000

Images = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Piece:
    """A top-level block of the page."""

    first: int
    last: int
    """Lines of the file."""
    html: str
    """Sanitised, balanced by itself."""
    region: str
    """Region it stands in; empty for the author's text."""
    heading: int = 0
    """Level where it is a heading."""


@dataclass(frozen=True)
class Rendered:
    pieces: tuple[Piece, ...]
    formulas: Formulas
    fields: Mapping[str, str]
    """Front matter."""

    @property
    def displays(self) -> int:
        return sum(f.display for f in self.formulas.shown)


Badges = Callable[[Sequence[str]], str]
"""Labels of a display → HTML of what stands beside it."""


"""A badge as the draft carries it; this page shows its own, which opens the witness."""


def render(
    data: bytes,
    name: str,
    *,
    image: Images,
    badges: Badges = lambda labels: "",
    link: Images = lambda url: None,
) -> Rendered:
    """The page of an article or draft. The author's bytes are read, never changed; what is odd in them is mended in
    this copy alone."""
    article = read(data, name)
    formulas = formulas_of(article)
    references: list[tuple[str, str]] = []
    text = protected(article, references)

    def put_back(html: str) -> str:
        def one(match: re.Match[str]) -> str:
            if match[1]:
                return reference_html(*references[int(match[2])], formulas.numbers)
            shown = formulas.shown[int(match[2])]
            return formula_html(shown, formulas.numbers, badges(shown.labels) if shown.display else "")

        def unbroken(match: re.Match[str]) -> str:
            display = formulas.shown[int(match[1])].display
            return f"{OPEN}{match[1]}{CLOSE}" if display else match[0]

        return TOKEN.sub(one, BROKEN.sub(unbroken, FILLERS.sub("", html)))

    def source(text: str) -> str:
        def one(match: re.Match[str]) -> str:
            index = int(match[2])
            if match[1]:
                return "\\{}{{{}}}".format(*references[index]) if index < len(references) else ""
            return article.formulas[index].raw if index < len(article.formulas) else ""

        return TOKEN.sub(one, FILLERS.sub("", text))

    region_of, markers = _regions(data, len(article.lines))
    pieces = []
    for first, last, level, html in _blocks(article, text):
        if first in markers:
            continue
        done = put_back(clean(html, image, link, source))
        if done.strip():
            pieces.append(Piece(first, last, done, region_of.get(first, ""), level))
    return Rendered(tuple(pieces), formulas, article.front.fields if article.front else {})


def protected(article: Article, references: list[tuple[str, str]]) -> str:
    """The text with every formula as a token, front matter blanked, private characters gone, long lines cut. Line
    numbers stay. References in prose are appended to ``references``."""
    source = re.sub("[\ue000-\uf8ff]", "\ufffd", article.text)
    pieces = [re.sub(r"[^\n]", "", source[: article.body])]
    at = article.body
    number = 0

    def prose(text: str) -> str:
        def reference(match: re.Match[str]) -> str:
            references.append((match[1], match[2]))
            return f"{OPEN}r{len(references) - 1}{CLOSE}"

        return REFERENCE.sub(reference, ENTITY.sub(_common, BADGE.sub("", text)))

    for span in article.spans:
        if span.start < at:
            number += span.kind in ("display", "inline")
            continue
        pieces.append(prose(source[at : span.start]))
        inside = source[span.start : span.stop]
        if span.kind in ("display", "inline"):
            pieces.append(f"{OPEN}{number}{CLOSE}" + f"\n{FILL}" * inside.count("\n"))
            number += 1
        else:
            pieces.append(inside)
        at = span.stop
    pieces.append(prose(source[at:]))
    return "\n".join(_bounded(row) for row in "".join(pieces).split("\n"))


def _common(entity: re.Match[str]) -> str:
    """The entity, unless it spells a private character: the page would take that for one of ours."""
    code = int(entity[1], 16) if entity[1] else int(entity[2])
    return "\ufffd" if 0xE000 <= code <= 0xF8FF else entity[0]


def _bounded(row: str) -> str:
    if len(row) <= LONGEST:
        return row
    start = re.sub(r"[^\w\s，。；：、]", " ", TOKEN.sub(" ", row[: SHOWN * 2]))[:SHOWN]
    return f"{start} …（这一行有 {len(row):,} 个字符，这里只显示开头）"


def _regions(data: bytes, lines: int) -> tuple[dict[int, str], set[int]]:
    inside: dict[int, str] = {}
    markers: set[int] = set()
    for region in regions(data):
        markers |= {region.begin_line, region.end_line}
        inside |= dict.fromkeys(range(region.begin_line + 1, min(region.end_line, lines + 1)), region.id)
    return inside, markers


def _blocks(article: Article, text: str) -> list[tuple[int, int, int, str]]:
    """(first line, last line, heading level, raw HTML) of every top-level block.

    The article's own reader says what a block is: a box is one block across blank lines, which Markdown would cut.
    """
    md = markdown()
    env: dict[str, Any] = {}
    tokens = md.parse(text, env)
    units = _units(article.blocks)
    groups: list[tuple[int, int, list[Token]]] = []
    for group in _top(tokens):
        first = (group[0].map or [0, 0])[0] + 1
        unit = _unit_of(units, first)
        if groups and groups[-1][0] <= first <= groups[-1][1]:
            groups[-1][2].extend(group)
        elif unit is not None:
            groups.append((unit[0], unit[1], list(group)))
        else:
            groups.append((first, (group[0].map or [0, first])[1], list(group)))
    return [(first, last, _level(g), md.renderer.render(g, md.options, env)) for first, last, g in groups]


def _units(blocks: Sequence[Block]) -> list[tuple[int, int]]:
    return [(b.first, b.last) for b in blocks]


def _unit_of(units: Sequence[tuple[int, int]], line: int) -> tuple[int, int] | None:
    from bisect import bisect_right

    at = bisect_right(units, (line, 1 << 60)) - 1
    return units[at] if at >= 0 and units[at][0] <= line <= units[at][1] else None


def _top(tokens: Sequence[Token]) -> list[list[Token]]:
    """Tokens grouped by the top-level block they make up."""
    groups: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if depth == 0:
            groups.append([])
        groups[-1].append(token)
        depth += token.nesting
    return groups


def _level(group: Sequence[Token]) -> int:
    return int(group[0].tag[1]) if group[0].type == "heading_open" else 0


@cache
def markdown() -> MarkdownIt:
    """CommonMark with tables and strikethrough, as the site has it; fences and images are our own."""
    from markdown_it import MarkdownIt

    md = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    md.add_render_rule("fence", _fence)
    md.add_render_rule("image", _image)
    md.add_render_rule("softbreak", _softbreak)
    return md


def _fence(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    language, _, rest = token.info.strip().partition(" ")
    code = python_html(token.content) if language == "python" else escape(token.content)
    said = {"experiment": "实验程序 · 运行过", "witness": "见证", "listing": "未运行"}.get(
        rest.split(" ")[0], ""
    )
    label = " · ".join(x for x in (language, said) if x)
    caption = f'<span class="code-label">{escape(label)}</span>' if label else ""
    return f'<div class="code">{caption}<pre><code>{code}</code></pre></div>\n'


def _softbreak(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """A line break between two Chinese characters is no space."""
    before = tokens[index - 1].content[-1:] if index else ""
    after = tokens[index + 1].content[:1] if index + 1 < len(tokens) else ""
    return "" if WIDE.match(before) and WIDE.match(after) else "\n"


def _image(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    source = str(token.attrs.get("src", ""))
    alt = renderer.renderInlineAsText(token.children or [], options, env)
    # An image from elsewhere is named, not loaded: a page under review asks nobody but this program.
    return f'<img src="{escape(source)}" alt="{escape(alt)}">'
