"""A large workspace for `benchmarks.size`: articles made of the repository's own, a plan, events, drafts, a ledger.

Everything follows from the number of an article, so that two machines measure the same bytes.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.llm import Ledger
from agent.records import Call, Message, Reply, Usage

SOURCES = Path(__file__).resolve().parent.parent / "blogs_raw"
SMALLEST, LARGEST = 2_000, 25_000
"""Bytes of an article, spread evenly: 13.5 kB in the mean, as blogs of this kind have."""
DRAFT = 8
"""A draft holds so many times its article."""
CALLS = 90
"""Calls that the ledger holds of one expanded article."""
REPLY = 1_800
"""Characters of a stored reply."""
EVERYWHERE = ("生成模型", "attention", "优化")
"""Tags that a converter gave to nearly every article, as real ones do."""
TOPICS = (
    "概率", "矩阵", "微分方程", "扩散", "优化器", "学习率", "位置编码", "语言模型", "泛化", "核方法", "低秩", "对比学习",
    "采样", "变分", "信息论", "损失函数", "正则化", "随机过程", "最优传输", "动力系统", "稀疏", "量化", "图网络", "分词",
)  # fmt: skip
FORMS = ("浅谈{0}的一个恒等式", "{0}为什么有效", "从{0}看{1}", "{0}与{1}的一笔账", "再谈{0}", "{0}的渐近估计")
NUMERALS = "一二三四五六七八九十"
LABEL = re.compile(r"\\(label|eqref)\{([^}]*)\}")
DAYS = 60
SUB = 10
"""Articles of a sub-batch."""


@dataclass(frozen=True, slots=True)
class Book:
    """One article as the workspace's files speak of it."""

    number: int
    title: str
    tags: tuple[str, ...]
    technical: bool
    by_hand: bool

    @property
    def file(self) -> str:
        return f"{self.number:05d}-{re.sub(r'[^0-9A-Za-z一-鿿]', '', self.title)}.md"

    @property
    def slug(self) -> str:
        return self.file.removesuffix(".md")


def make(root: Path, articles: int) -> None:
    """Write the workspace. Half of the articles stand in the plan, a twentieth was expanded, some drafts wait."""
    books = [book(number) for number in range(articles)]
    planned = [b for b in books[: articles // 2] if b.technical]
    fresh = [b for b in planned if not b.by_hand]
    # The next to be picked is the third part of a series, which needs to know the first two.
    worked = fresh[: next(n for n in range(articles // 20, len(fresh)) if fresh[n].number % SUB == 2)]
    folder = root / "blogs_raw"
    folder.mkdir(parents=True)
    (root / "config.toml").write_text("[lab]\nenabled = false\n", encoding="utf-8")
    blocks = _blocks()
    for one in books:
        (folder / one.file).write_text(text_of(one, blocks), encoding="utf-8")
    (root / "plan.toml").write_text("\n".join(_plan(planned)), encoding="utf-8")
    _write_events(root, worked)
    for one in worked[::4]:
        draft = root / "outputs" / one.slug / "draft.md"
        draft.parent.mkdir(parents=True)
        draft.write_text(text_of(one, blocks) * DRAFT, encoding="utf-8")
    _write_ledger(root, worked[::5])
    _write_documents(root, books, planned)
    _commit(root)


def book(number: int) -> Book:
    draw = random.Random(number)
    topic, other = draw.sample(TOPICS, 2)
    padding = draw.sample(EVERYWHERE, 2)
    series, part = divmod(number, SUB)
    if part < 4:  # four of ten form a series of their own
        base = random.Random(series).choice(TOPICS)
        topic, title = base, f"{base}漫谈之{series}（{NUMERALS[part]}）：{other}"
    else:
        title = draw.choice(FORMS).format(topic, other) + f"{number}"
    return Book(
        number, title, tuple(dict.fromkeys((topic, other, *padding))), number % 25 != 24, number % 50 == 13
    )


def _blocks() -> tuple[str, ...]:
    """Paragraphs, displays and headings of the articles that ship."""
    texts = [p.read_text(encoding="utf-8").split("---\n", 2)[2] for p in sorted(SOURCES.glob("*.md"))]
    return tuple(b for text in texts for b in text.split("\n\n") if b.strip() and not b.startswith("# "))


def text_of(one: Book, blocks: tuple[str, ...]) -> str:
    draw = random.Random(one.number)
    status = "completed" if one.by_hand else "pending"
    head = (
        f"---\ntitle: {one.title}\ndate: 2025-01-01\ntags: {', '.join(one.tags)}\nstatus: {status}\n---\n\n"
    )
    parts, size, wanted = [f"# {one.title}"], 0, draw.randint(SMALLEST, LARGEST)
    usable = blocks if one.technical else tuple(b for b in blocks if "$" not in b and "\\" not in b)
    while size < wanted:
        block = draw.choice(usable)
        place = len(parts)
        parts.append(LABEL.sub(lambda m, place=place: rf"\{m[1]}{{{m[2]}-{place}}}", block))  # type: ignore[misc]
        size += len(parts[-1].encode())
    stub = "" if one.by_hand else "\n\n## 公式推导与注释\n\nTODO: 添加推导"
    return head + "\n\n".join(parts) + stub + "\n"


def _plan(planned: list[Book]) -> Iterator[str]:
    for batch in range(0, len(planned), 20 * SUB):
        yield f'[[batch]]\nid = "{batch // (20 * SUB) + 1}"\ntitle = "第 {batch} 篇起"\n'
        for first in range(batch, min(batch + 20 * SUB, len(planned)), SUB):
            letter = chr(ord("A") + (first - batch) // SUB)
            yield f'[[batch.sub]]\nid = "{batch // (20 * SUB) + 1}{letter}"\ntitle = "{TOPICS[first % 24]}"\n'
            for one in planned[first : first + SUB]:
                yield f'[[batch.sub.item]]\nfile = "{one.file}"\ntitle = "{one.title}"\n'


def _write_events(root: Path, worked: list[Book]) -> None:
    """Seven events for each article that was worked on, over two months; every fourth waits as a draft."""
    rows = []
    for place, one in enumerate(worked):
        day = place * DAYS // max(1, len(worked))
        at = f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T08:00:00+00:00"
        before, after = {"lines": 150, "formulas": 20}, {"lines": 1100 + place, "formulas": 60}
        sections = [f"theory.{n}" for n in range(1, 15)]
        drafted = {
            "sha256": "0" * 64, "sections": sections, "verdict": "pass", "before": before, "after": after,
            "added": {"lines": 950 + place, "formulas": 40}, "core": ["推导", "实验"], "draft_sha256": "1" * 64,
            "targets": [{"name": "lines", "wanted": 1000, "got": 1100 + place}], "calls": 89, "cost": 0.2,
            "tokens": {"prompt": 1_370_000, "cached": 1_000_000, "completion": 107_000},
        }  # fmt: skip
        life = [("picked", {"sha256": "0" * 64}), ("failed", {"error": "cut off", "retry": {}})]
        life += [("picked", {"sha256": "0" * 64}), ("drafted", drafted)]
        if place % 4:
            life += [("accepted", {"sections": sections[:n], "of": sections}) for n in (7, 14)]
            life += [("merged", {"before": before, "after": after, "title": one.title})]
        rows += [{"at": at, "event": kind, "slug": one.slug, **data} for kind, data in life]
    log = root / "outputs" / "progress.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    rows.sort(key=lambda row: str(row["at"]))
    log.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")


def _write_ledger(root: Path, expanded: list[Book]) -> None:
    with Ledger(root / "outputs" / "ledger.db") as ledger:
        for one in expanded:
            calls = [
                Call(
                    f"{one.slug}/theory.{n // 3}/{('write', 'referee', f'repair.{n}')[n % 3]}",
                    "openai:gpt-5-mini",
                    (Message("system", "写推导。"), Message("user", f"{one.title} {n}")),
                )
                for n in range(CALLS)
            ]
            usages = [_usage(one, n) for n in range(CALLS)]
            ledger.in_one(
                [
                    lambda c=c, u=u: ledger.put(c, Reply("推" * REPLY, usage=u), seconds=20.0)
                    for c, u in zip(calls, usages, strict=True)
                ]  # type: ignore[misc]
            )


def _usage(one: Book, call: int) -> Usage:
    return Usage(prompt=15_000 + one.number, cached=12_000, completion=1_200 + call)


def _write_documents(root: Path, books: list[Book], planned: list[Book]) -> None:
    """A catalogue of every article, and a list of the planned ones with one title in fifty misspelt."""
    catalogue = [
        f"{b.title} | {b.slug} | blogs_raw/{b.file} | pending | 2025-01-01 | {','.join(b.tags)}"
        for b in books
    ]
    (root / "blog_list.txt").write_text("\n".join(catalogue) + "\n", encoding="utf-8")
    rows = ["# 待办", ""]
    for first in range(0, min(len(planned), 50 * SUB), SUB):
        batch, letter = divmod(first // SUB, 20)
        if not letter:
            rows.append(f"- 第{batch + 1}批（目标 1000+行，40+公式）")
        rows.append(f"  - 子批次{chr(ord('A') + letter)}：{TOPICS[first % 24]}（{SUB}篇）")
        for one in planned[first : first + SUB]:
            title = one.title if one.number % 50 else one.title[1:] + "错"
            rows.append(f"    - [ ] {title}（150行，20公式）")
    (root / "TODO.md").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _commit(root: Path) -> None:
    """Articles are kept in git, where there is one: `audit` then reads their history."""
    if shutil.which("git") is None:
        return
    own = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "blogs_raw"), (*own, "commit", "-q", "-m", "articles")):
        subprocess.run(["git", *arguments], cwd=root, check=True, stdout=subprocess.DEVNULL)
