"""Numbers in one line of a hand-kept Chinese document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.books.claims import Figure, Place, TargetClaim

N = r"(\d[\d,]*(?:\.\d+)?)"
DATE = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_NUMERAL = r"([一二三四五六七八九十百]+|\d+)"
BATCH = re.compile(rf"第\s*{_NUMERAL}\s*批")
SUB = re.compile(rf"第\s*{_NUMERAL}\s*批(?:次)?[\s\-—–·，,]*子批次\s*([A-Za-z])(?:\s*[（(]([^）)]*)[）)])?")
_GROWN = re.compile(rf"从\s*{N}\s*(行|个?公式)[^从，,、]{{0,6}}?到\s*{N}\s*(行|个?公式)")
_SIZE = re.compile(rf"{N}\s*(行|个?公式)(?!数)")
_WAITING = re.compile(rf"{N}\s*行\s*(?:→|->)")
_RATIO = re.compile(rf"{N}\s*倍\s*[（(]\s*(行数?|公式数?)\s*[）)]")
_OF = re.compile(r"(?<![\d/.$\\])(\d{1,5})\s*/\s*(\d{1,5})(?![\d/])(?=\s*(?:篇|\||$|[（(]))")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_SUM = re.compile(rf"{N}\s*行[^，,|]{{0,4}}[，,]\s*{N}\s*个?公式")
_TARGET_LINE = re.compile(r"(?:目标|详细程度|标准)[^：:]*[：:]")
_TARGET = re.compile(rf"{N}\s*\+\s*(行|个?公式)")
_PARTS = re.compile(r"\d+\s*篇\s*\+[^（(]*?\d+\s*篇")
_PART = re.compile(r"(\d+)\s*篇")
_TOTALS = (
    ("articles", re.compile(r"总文章数\s*[：:|]\s*(\d+)")),
    ("catalogue", re.compile(r"\.txt[（(]已完成[：:]\s*(\d+)\s*篇")),
    ("done_all", re.compile(r"已完成推导\s*\|\s*(\d+)")),
    ("done_all", re.compile(r"已完成[^（(|]*共\s*(\d+)\s*篇")),
    ("done_all", re.compile(r"已完成(?:主题|文章)\s*[（(]\s*(\d+)\s*篇")),
    ("remaining", re.compile(r"(?:剩余|待完成)(?:文章)?\s*[（(]?\s*(\d+)\s*篇[^|]*\d+(?:\.\d+)?\s*%")),
    ("grown_lines", re.compile(rf"累计新增推导\s*[：:|]\s*[~约]*\s*{N}\s*行")),
    ("grown_formulas", re.compile(rf"累计新增公式\s*[：:|]\s*[~约]*\s*{N}\s*个")),
    ("count", re.compile(r"(?:任务数量|总任务)\s*[：:]\s*(\d+)\s*篇")),
)
_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")}


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its emphasis marks, which knows the column each character came from."""

    document: str
    number: int
    text: str
    columns: tuple[int, ...]

    def at(self, offset: int = 0) -> Place:
        column = self.columns[offset] if offset < len(self.columns) else 1
        return Place(self.document, self.number, column)


def line_of(document: str, number: int, raw: str) -> Line:
    """``raw`` without ``*`` emphasis (a bullet's own star stays) and without code ticks."""
    bullet = re.match(r"\s*\*\s", raw)
    first = bullet.end() if bullet else 0
    kept = [i for i, c in enumerate(raw) if i < first or c not in "*`"]
    return Line(document, number, "".join(raw[i] for i in kept), tuple(i + 1 for i in kept))


def numeral(text: str) -> str:
    """第九 → 9, 第十二 → 12, 第二十一 → 21; Arabic digits stay."""
    if text.isdigit():
        return str(int(text))
    value = 0
    digit = 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        else:
            value += (digit or 1) * (10 if char == "十" else 100)
            digit = 0
    return str(value + digit)


def number(text: str) -> float:
    return float(text.replace(",", ""))


def article_figures(line: Line, *, start: int = 0) -> Iterator[Figure]:
    """Lines and formulas of one article: 从…到…, 最终统计, （1266行，64公式）, 2.93倍（行数）."""
    text = line.text
    taken: list[tuple[int, int]] = []
    for m in _GROWN.finditer(text, start):
        taken.append(m.span())
        name = "lines" if m[2] == "行" else "formulas"
        yield Figure(f"{name}_before", number(m[1]), line.at(m.start(1)), m[0])
        yield Figure(name, number(m[3]), line.at(m.start(3)), m[0])
    for m in _WAITING.finditer(text, start):
        taken.append(m.span())
        yield Figure("lines_before", number(m[1]), line.at(m.start(1)), m[0])
    for m in _RATIO.finditer(text, start):
        name = "lines" if m[2].startswith("行") else "formulas"
        yield Figure(f"ratio_{name}", number(m[1]), line.at(m.start(1)), m[0])
    for m in _SIZE.finditer(text, start):
        if not any(a <= m.start() < b for a, b in taken):
            name = "lines" if m[2] == "行" else "formulas"
            yield Figure(name, number(m[1]), line.at(m.start(1)), m[0])


def targets_in(line: Line) -> TargetClaim | None:
    """目标：…（1000+行，40+公式）"""
    head = _TARGET_LINE.search(line.text)
    if not head:
        return None
    found = {
        ("lines" if m[2] == "行" else "formulas"): int(number(m[1])) for m in _TARGET.finditer(line.text)
    }
    if not found:
        return None
    return TargetClaim(
        found.get("lines"), found.get("formulas"), line.at(head.start()), line.text.strip(" -\t")
    )


def book_figures(line: Line, *, batch: str = "", sub: str = "") -> Iterator[Figure]:
    """Figures about a sub-batch, a batch or everything.

    ``batch`` and ``sub`` are what the section is about; a line may name another.
    """
    text = line.text
    percent = _PERCENT.search(text)
    share = float(percent[1]) if percent else None
    rough = "~" in text or "约" in text
    named = SUB.search(text)
    whole = BATCH.search(text)
    if named:
        batch, sub = numeral(named[1]), named[2].upper()
    elif whole and ("总任务" in text or "完成率" in text):
        batch, sub = numeral(whole[1]), ""
    for kind, pattern in _TOTALS:
        m = pattern.search(text)
        if m:
            own = (batch, sub) if kind == "count" else ("", "")
            yield Figure(
                kind, number(m[1]), line.at(m.start(1)), m[0].strip(), None, share, *own, rough=rough
            )
    for m in _OF.finditer(text):
        done, of = number(m[1]), number(m[2])
        if done > of:
            continue
        everything = "总体" in text or "总完成" in text or not batch
        own = ("", "") if everything else (batch, sub)
        kind = "done_all" if everything else "done"
        yield Figure(kind, done, line.at(m.start()), m[0].strip(), of, share, *own)
    yield from _sums(line, batch, sub, named is not None)


def _sums(line: Line, batch: str, sub: str, named: bool) -> Iterator[Figure]:
    text = line.text
    m = _SUM.search(text)
    if m and sub and (named or "总计" in text):
        yield Figure("sum_lines", number(m[1]), line.at(m.start(1)), m[0], None, None, batch, sub)
        yield Figure("sum_formulas", number(m[2]), line.at(m.start(2)), m[0], None, None, batch, sub)
    m = _PARTS.search(text)
    if m:
        # The list can hold brackets, so it is read to the end of its own bracket or line.
        chain = text[m.start() :]
        values = [int(v) for v in _PART.findall(chain)]
        if len(values) > 2:
            yield Figure("parts", float(sum(values)), line.at(m.start()), " + ".join(map(str, values)))
