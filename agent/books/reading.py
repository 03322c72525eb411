"""Reading progress reports, TODO lists and catalogues as people keep them.

Two forms are known. A *report* has dated sections, newest first, each about one sub-batch, with an article
per numbered heading. A *list* has bullets: batches, sub-batches under them, a checkbox per article. A
*catalogue* has one article a line, its fields between ``|``. One document may mix them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from agent.books.builders import (
    MARKS,
    OpenGroup,
    OpenMention,
    OpenSection,
    Tally,
    children,
    clean_topic,
    split_list,
    split_title,
)
from agent.books.claims import Document, Entry, Figure, Place, Section
from agent.books.figures import (
    BATCH,
    DATE,
    SUB,
    Line,
    article_figures,
    book_figures,
    line_of,
    numeral,
    targets_in,
)
from agent.errors import NotUtf8, UsageError

_LONG = 4000
"""Characters beyond which a line was not written by hand; patterns may take quadratic time on it."""

_HEADING = re.compile(r"(#{1,6})\s+(.*)$")
_BULLET = re.compile(r"(\s*)[-*+]\s+(\[[ xX]\]\s+)?(.*)$")
_NUMBERED = re.compile(r"\d+\s*[.、．]\s*(\S.*)$")
_DETAIL = re.compile(r"\s*[-*+]\s+(文件|核心点|最终统计|扩充成果|扩充倍数|扩充情况|当前状态)\s*[：:]\s*(.*)$")
_BATCH_LINE = re.compile(r"第\s*([一二三四五六七八九十百]+|\d+)\s*批\s*[（(]([^）)]*)[）)]")
_SUB_LINE = re.compile(r"子批次\s*([A-Za-z])\s*[：:]\s*(.*)$")
_LISTED = re.compile(r"(\d+)\s*篇(?=文章|[）)])")
_NUMBER = re.compile(r"(#\d+)\s*[-—–:：]?\s*")
_ROW_LETTER = re.compile(r"(?:子批次\s*)?([A-Z])$")
_DONE, _OPEN = re.compile(r"已完成|扩写|✅"), re.compile(r"剩余|待处理|待完成|📋|📝")
_OURS = re.compile(r"<!-- expand:progress \S+ \S+ (begin|end) -->\s*$")
_PATH = re.compile(r"`((?!/)(?!\.[\w-]+\.)[\w./-]+\.(?:md|txt|py|html|toml|json|csv|png|jpe?g|svg|pdf))`")
_CHILD = re.compile(r"[：:]\s*(?:(\d+)\s*篇|若干)")


def read_document(path: Path, name: str = "") -> Document:
    """Read one document. ``name`` is how places in it are called.

    Raises UsageError when it cannot be read and NotUtf8 where it is no UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", hint="name a document that exists and can be read"
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotUtf8(str(path), error.start) from None
    return parse(text, name or path.name)


def parse(text: str, name: str) -> Document:
    """What ``text`` states. A document in no known form states nothing."""
    reader = _Reader(name)
    fence, ours = "", False
    for number, raw in enumerate(text.split("\n"), 1):
        raw = raw.rstrip("\r")
        # What this program rendered is no claim: it is rendered anew from measurement.
        marker = _OURS.match(raw)
        if marker or ours:
            ours = marker[1] == "begin" if marker else ours
            continue
        opening = re.match(r"\s*(```+|~~~+)", raw)
        if opening and (not fence or raw.strip().startswith(fence)):
            fence = "" if fence else opening[1]
        elif not fence and raw.strip() and len(raw) <= _LONG:
            reader.paths(number, raw)
            reader.take(line_of(name, number, raw))
    return reader.document()


class _Reader:
    """Takes the lines of a document in order; what a line means depends on where it stands."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sections = [OpenSection("", Place(name, 1))]
        self.entries: list[Entry] = []
        self.named: list[tuple[str, Place]] = []
        self.group: OpenGroup | None = None
        self.mention: OpenMention | None = None
        self.outer: list[OpenGroup] = []
        self.lists: list[Tally] = []
        self.heading = ""
        self.heading_mark = ""
        self.listed: tuple[Figure, int] | None = None
        self.table_batch = ""

    def document(self) -> Document:
        self._close_heading()
        sections = []
        for s in self.sections:
            figures = [
                *s.figures,
                *(f for lst in self.lists if (f := children(lst)) and s is self.sections[-1]),
            ]
            groups = tuple(g.freeze() for g in s.groups)
            if groups or figures:
                sections.append(Section(s.date, s.place, groups, tuple(figures)))
        return Document(self.name, tuple(sections), tuple(self.entries), tuple(self.named))

    def paths(self, number: int, raw: str) -> None:
        """Note paths set as code, but those of articles, which belong to their mention."""
        for m in _PATH.finditer(raw):
            if "文件" not in raw and ".." not in m[1].split("/"):
                self.named.append((m[1], Place(self.name, number, m.start(1) + 1)))

    def take(self, line: Line) -> None:
        heading = _HEADING.match(line.text)
        if heading:
            self._heading(line, len(heading[1]), heading[2].rstrip().rstrip("#").rstrip())
        elif line.text.lstrip().startswith("|"):
            self._row(line)
        elif self._entry(line):
            pass
        elif self.mention is not None and self.heading:
            self._detail(line, self.mention)
        else:
            bullet = _BULLET.match(line.text)
            if bullet:
                self._bullet(line, len(bullet[1].expandtabs(4)), bullet[2] or "", bullet[3])
            else:
                self._plain(line)

    # A report

    def _heading(self, line: Line, level: int, text: str) -> None:
        numbered = _NUMBERED.match(text)
        if level >= 3 and numbered and self.group is not None:
            self.heading = text
            self.mention = OpenMention(
                split_title(numbered[1])[0], line.at(level + 1), self.heading_mark, self.heading_mark and text
            )
            self.group.mentions.append(self.mention)
            return
        self._close_heading()
        self.mention, self.outer = None, []
        self.heading = text
        date = DATE.search(text)
        if level <= 2:
            self.group = None
            if date:
                self.sections.append(OpenSection(date[1], line.at()))
        self._about(line)
        self.heading_mark = "open" if _OPEN.search(text) else "done" if _DONE.search(text) else ""
        listed = _LISTED.search(text)
        if level >= 3 and listed and self.group is not None:
            figure = Figure("listed", int(listed[1]), line.at(listed.start()), text)
            self.listed = (figure, len(self.group.mentions))
        whole = BATCH.search(text)
        self.table_batch = numeral(whole[1]) if whole else ""
        self._figures(line)

    def _close_heading(self) -> None:
        """Set what a heading states beside what stood under it."""
        if self.listed and self.group:
            figure, before = self.listed
            found = len(self.group.mentions) - before
            if found:
                own = replace(figure, of=found, batch=self.group.batch, sub=self.group.sub)
                self.group.figures.append(own)
        self.listed = None

    def _about(self, line: Line) -> None:
        """Learn which sub-batch a section is about, and its topic where one is given."""
        named = SUB.search(line.text)
        if not named:
            return
        batch, sub, topic = numeral(named[1]), named[2].upper(), clean_topic(named[3] or "")
        if self.group is None and line.text.startswith("#"):
            date = self.sections[-1].date
            self.group = OpenGroup(batch, sub, topic, line.at(), date)
            self.sections[-1].groups.append(self.group)
        elif self.group and (self.group.batch, self.group.sub) == (batch, sub) and not self.group.topic:
            self.group.topic = topic

    def _detail(self, line: Line, mention: OpenMention) -> None:
        detail = _DETAIL.match(line.text)
        if not detail:
            if not line.text.startswith((" ", "\t", "-", "*", "+")):
                self._plain(line)
            return
        key, value = detail[1], detail[2]
        if key == "文件":
            mention.file, mention.file_place = value.strip(), line.at(detail.start(2))
        elif key == "核心点":
            mention.focus = split_list(value)
        elif key == "当前状态":
            mention.mark = "open" if "待" in value else mention.mark
            mention.mark_text = value
        else:
            mention.figures.extend(article_figures(line, start=detail.start(2)))

    def _row(self, line: Line) -> None:
        cells = [c.strip() for c in line.text.strip().strip("|").split("|")]
        letter = _ROW_LETTER.match(cells[0])
        if letter and self.table_batch and len(cells) > 2:
            group = OpenGroup(
                self.table_batch, letter[1], clean_topic(cells[1]), line.at(), self.sections[-1].date
            )
            group.table = True
            group.figures.extend(book_figures(line, batch=self.table_batch, sub=letter[1]))
            self.sections[-1].groups.append(group)
        else:
            self._figures(line, about=False)

    def _plain(self, line: Line) -> None:
        self._about(line)
        if self.group is not None and self.group.targets is None:
            self.group.targets = targets_in(line)
        self._figures(line)

    def _figures(self, line: Line, *, about: bool = True) -> None:
        group = self.group if about else None
        found = book_figures(line, batch=group.batch if group else "", sub=group.sub if group else "")
        self.sections[-1].figures.extend(found)

    # A list

    def _bullet(self, line: Line, indent: int, box: str, text: str) -> None:
        while self.outer and self.outer[-1].indent >= indent:
            self.outer.pop()
        batch, sub = _BATCH_LINE.match(text), _SUB_LINE.match(text)
        above = self.outer[-1] if self.outer else None
        if batch:
            self._define(line, indent, numeral(batch[1]), "", batch[2])
        elif sub and self.outer:
            self._define(line, indent, self.outer[0].batch, sub[1].upper(), sub[2])
        elif box and above:
            above.mentions.append(self._checked(line, box, text))
        elif above and (targets := targets_in(line)):
            above.targets = above.targets or targets
        elif self.group is None:
            self._tally(line, indent, text)
            self._figures(line)
        else:
            self._plain(line)

    def _define(self, line: Line, indent: int, batch: str, sub: str, text: str) -> None:
        notes = " ".join(re.findall(r"[（(]([^（()）]*)[）)]", text)) if sub else text
        listed, date = re.search(r"(\d+)\s*篇", notes), DATE.search(notes)
        topic = clean_topic(re.split(r"[（(]", text)[0] if sub else re.split(r"[，,]", text)[0])
        group = OpenGroup(batch, sub, topic, line.at(), date[1] if date else self.sections[-1].date, indent)
        group.listed = int(listed[1]) if listed else None
        self.outer.append(group)
        self.sections[-1].groups.append(group)

    def _checked(self, line: Line, box: str, text: str) -> OpenMention:
        title, note = split_title(text)
        mention = OpenMention(
            title, line.at(len(line.text) - len(text)), "done" if "x" in box.lower() else "open"
        )
        mention.mark_text = box.strip() + "".join(c for c in text if c in MARKS)
        numbered = _NUMBER.match(title)
        if numbered:
            mention.number, mention.title = numbered[1], title[numbered.end() :]
        if note:
            mention.figures.extend(article_figures(line, start=line.text.rindex(note)))
        return mention

    def _tally(self, line: Line, indent: int, text: str) -> None:
        """A bullet such as 已完成主题（91篇） with a bullet for each topic under it."""
        self.lists, closed = (
            [lst for lst in self.lists if lst.indent < indent],
            [lst for lst in self.lists if lst.indent >= indent],
        )
        self.sections[-1].figures.extend(f for lst in closed if (f := children(lst)))
        child = _CHILD.search(text)
        if self.lists and child:
            self.lists[-1].values.append(int(child[1]) if child[1] else None)
        head = re.search(r"[（(]\s*(\d+)\s*篇", text)
        if head and not child:
            stated = Figure("children", int(head[1]), line.at(line.text.index(head[0])), text.strip())
            self.lists.append(Tally(indent, stated))

    # A catalogue

    def _entry(self, line: Line) -> bool:
        cells = [c.strip() for c in line.text.split(" | ")]
        if len(cells) < 4 or line.text.startswith("#"):
            return False
        path = next((c for c in cells if c.endswith(".md")), "")
        if path:
            status = next((c for c in cells if c in ("pending", "in_progress", "completed")), "")
            self.entries.append(Entry(cells[0], path, status, line.at()))
        return bool(path)


def read_all(paths: Iterable[Path], root: Path) -> tuple[Document, ...]:
    """Read documents; those below ``root`` are called by their path in it."""
    documents = []
    for path in paths:
        inside = path.resolve().is_relative_to(root.resolve())
        name = path.resolve().relative_to(root.resolve()).as_posix() if inside else str(path)
        documents.append(read_document(path, name))
    return tuple(documents)
