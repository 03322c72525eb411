"""Series: part （三） is told what （一） and （二） established, so that it cites instead of repeating."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from agent.article import Article, front_matter, read
from agent.books.index import Entry, look_at
from agent.errors import NotUtf8
from agent.pipeline.material import defuse
from agent.workspace import Workspace

FORMS = (
    re.compile(r"^(?P<base>.*?)\s*[（(](?P<number>[一二三四五六七八九十]{1,3}|\d{1,2})[）)]"),
    re.compile(r"^(?P<base>.+?)\s*[：:]\s*(?P<number>\d{1,2})\s*[、.．](?!\d)"),
    re.compile(r"^(?P<base>.+?)\s*[（(](?P<number>[上中下])[）)]\s*$"),
)
"""How a title says which part of a series it is: （三）, `：3、` or `：3.` after the series' name, （下） at the end."""
PARTS = {"上": 1, "中": 2, "下": 3}
DIGITS = {c: n for n, c in enumerate("一二三四五六七八九", 1)}
HEAD = 4096
"""Bytes in which front matter is looked for first."""
FORMULAS = 12
"""Labelled formulas of an earlier part that its digest shows."""


@dataclass(frozen=True, slots=True)
class Place:
    base: str
    number: int


def place_of(title: str) -> Place | None:
    """The series a title belongs to and its number there, or None."""
    match = next((m for form in FORMS if (m := form.match(title))), None)
    if match is None:
        return None
    # One series, however its name is typed in each part.
    base = " ".join(unicodedata.normalize("NFKC", match["base"]).casefold().split())
    return Place(base, number_of(match["number"])) if base else None


def number_of(text: str) -> int:
    """一 … 九十九, Arabic digits, or 上, 中, 下."""
    if text in PARTS:
        return PARTS[text]
    if text.isdigit():
        return int(text)
    tens, _, ones = text.rpartition("十")
    if "十" not in text:
        return DIGITS.get(text, 0)
    return (DIGITS.get(tens, 1) if tens else 1) * 10 + DIGITS.get(ones, 0)


def series_text(ws: Workspace, article: Article) -> str:
    """Digests of the earlier parts of an article's series, oldest first; empty for an article of its own."""
    here = place_of(article.title)
    if here is None:
        return ""
    earlier: list[tuple[int, str]] = []
    files = ws.slugs()
    seen = look_at(ws, files.values())
    for slug, path in files.items():
        there = place_of(title_of(path, seen.get(path)))
        if there is not None and there.base == here.base and there.number < here.number:
            earlier.append((there.number, digest(ws, slug, path)))
    return "\n\n".join(text for _, text in sorted(earlier))


def title_of(path: Path, entry: Entry | None) -> str:
    """The title as front matter or first heading give it; the index knows the first of them."""
    return (entry.title if entry else "") or quick_title(path)


def quick_title(path: Path) -> str:
    """The title of an article. Where its front matter names one, only the start of the file is read."""
    with open(path, "rb") as file:
        front = front_matter(file.read(HEAD))
        if front and front.fields.get("title"):
            return front.fields["title"]
        file.seek(0)
        try:
            return read(file.read(), path.name).title
        except NotUtf8:
            return ""


def digest(ws: Workspace, slug: str, path: Path) -> str:
    """Symbols and results of an expanded part, else its sections and labelled formulas."""
    try:
        article = read(path.read_bytes(), path.name)
    except (OSError, NotUtf8):
        return f"《{slug}》（读不出）"
    rows = [f"《{article.title}》"]
    plan = ws.output(slug) / "plan.json"
    if plan.is_file():
        rows += _planned(json.loads(plan.read_text(encoding="utf-8")))
    else:
        rows.append("各节：" + "；".join(h.text for h in article.headings if h.level == 2))
    labelled = [f for f in article.displays if f.labels][:FORMULAS]
    rows += [f"{f.labels[0]}：{' '.join(f.tex.split())}" for f in labelled]
    return defuse("\n".join(rows))


def _planned(plan: dict[str, dict[str, object]]) -> list[str]:
    reading, outline = plan["reading"], plan["outline"]
    symbols = [f"${s['tex']}$ {s['meaning']}" for s in _rows(reading["notation"])]
    facts = [
        f"{f['label']}：${f['lhs']} {f['rel']} {f['rhs']}$（{f['given']}）" for f in _rows(outline["facts"])
    ]
    return [f"论断：{reading['thesis']}", "记号：" + "；".join(symbols), *facts[:FORMULAS]]


def _rows(value: object) -> list[dict[str, str]]:
    return value if isinstance(value, list) else []
