"""Packing parts into calls, and taking a reply apart again.

Consecutive parts of a chapter share a call while the reply stays under about 4k tokens. A packed reply
separates its parts by lines `=== id`; a part alone needs none. Between calls a pack's text is kept joined, so
that findings and edits speak of one numbering.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.article import Article, has_marker_text, read
from agent.errors import Malformed
from agent.pipeline.records import Chapter, Part
from agent.records import EXPERIMENT_ID

MARK = re.compile(r"^=== *(\S+) *$")
HEADING = re.compile(r"^#{1,3} ")
TAG = re.compile(r"\\tag\*?\s*\{")
PROGRAM = re.compile(r"^```python experiment(?![^ \t])[ \t]*(?:id=)?([^\n]*?)[ \t]*$")
"""The opening of a program that will run; its ID becomes part of file names."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Parts that are written in one call."""

    chapter: str
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        return self.parts[0].id


def pack_chapter(chapter: Chapter, *, lines: int, formulas: int) -> tuple[Pack, ...]:
    """Greedy packing in order. A part with an experiment stands alone: it is written from its output."""
    packs: list[list[Part]] = []
    for part in chapter.parts:
        last = packs[-1] if packs else []
        together = [*last, part]
        fits = (
            bool(last)
            and not any(p.experiment for p in together)
            and sum(p.lines for p in together) <= lines
            and sum(len(p.formulas) for p in together) <= formulas
        )
        if fits:
            last.append(part)
        else:
            packs.append([part])
    return tuple(Pack(chapter.id, tuple(p)) for p in packs)


def join(texts: Sequence[tuple[str, str]]) -> str:
    """(id, text) of a pack as one text."""
    if len(texts) == 1:
        return texts[0][1].strip("\n")
    return "\n\n".join(f"=== {id}\n\n{text.strip(chr(10))}" for id, text in texts)


def split(text: str, ids: Sequence[str]) -> dict[str, str]:
    """Take a joined text apart. Raises Malformed where a part is missing, unknown, doubled or empty."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = found.setdefault(ids[0], []) if len(ids) == 1 else None
    code = code_lines(text)
    for number, line in enumerate(text.split("\n"), 1):
        mark = None if number in code else MARK.match(line)
        if mark:
            id = mark[1]
            if id not in ids:
                raise Malformed(f"=== {id}：这次只要 {'、'.join(ids)}")
            if id in found and (len(ids) > 1 or any(x.strip() for x in found[id])):
                raise Malformed(f"=== {id} 出现两次")
            current = found.setdefault(id, [])
        elif current is not None:
            current.append(line)
        elif line.strip():
            raise Malformed(f"开头的“{line[:30]}”不属于任何部分；每个部分之前单独一行写 === 编号")
    texts = {id: "\n".join(body).strip("\n") for id, body in found.items()}
    missing = [id for id in ids if not texts.get(id, "").strip()]
    if missing:
        raise Malformed(f"缺少 {'、'.join(missing)}")
    return texts


@dataclass(frozen=True, slots=True)
class Written:
    """A reply of prose: the joined text of its parts and what it said to the editor."""

    text: str
    notes: tuple[str, ...]


def parse_parts(reply: str, ids: Sequence[str]) -> Written:
    """Read a writer's reply: notes taken out, parts present, nothing in it that a part may not hold.

    Raises Malformed for missing parts, region markers, hand-numbered tags and headings above h4.
    """
    text, notes = take_notes(reply)
    vet(text)
    return Written(join(list(split(text, ids).items())), notes)


def take_notes(reply: str) -> tuple[str, tuple[str, ...]]:
    """The text without its `%% …` lines, and those lines."""
    kept: list[str] = []
    notes: list[str] = []
    reply = reply.strip("\n")
    code = code_lines(reply)
    for number, line in enumerate(reply.split("\n"), 1):
        if number not in code and line.startswith("%% "):
            notes.append(line[3:].strip())
        else:
            kept.append(line)
    return "\n".join(kept).strip("\n"), tuple(notes)


def vet(text: str) -> None:
    """What no generated text may hold, because it would break the page around it."""
    if has_marker_text(text):
        raise Malformed("文中有 expand 的区域标记")
    for number, line in enumerate(text.split("\n"), 1):
        program = PROGRAM.match(line)
        if program and not re.fullmatch(EXPERIMENT_ID, program[1]):
            raise Malformed(f"第 {number} 行：实验程序写成 python experiment id=practice1，编号依次递增")
    rows = outside_code(text)
    titles = {h.line for h in _read(text).headings if h.level < 4}
    for number, line in enumerate(rows, 1):
        if number + 1 in titles or HEADING.match(line):
            raise Malformed(f"第 {number} 行：标题由程序加，正文至多用 ####")
        if TAG.search(line):
            raise Malformed(f"第 {number} 行：不写 \\tag，编号由程序生成；要引用就写 \\label")
        if "<!--" in line:
            raise Malformed(f"第 {number} 行：不写 HTML 注释")


def outside_code(text: str) -> list[str]:
    """The lines, those of fenced code blanked so that numbers stay."""
    code = code_lines(text)
    return ["" if number in code else line for number, line in enumerate(text.split("\n"), 1)]


def code_lines(text: str) -> frozenset[int]:
    """Lines of fenced code, fences included, as the reader sees it; of a fence that nothing closes, all that follow."""
    codes = _read(text).codes
    return frozenset(n - 1 for code in codes for n in range(code.line, code.last_line + 1))


def _read(text: str) -> Article:
    """The text one line further down: a rule at the top of a part is no front matter."""
    return read(f"\n{text}".encode("utf-8", "replace"), "part")
