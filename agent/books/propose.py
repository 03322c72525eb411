"""Planning the rest: articles no batch names, grouped into sub-batches by topic. Deterministic; no model decides."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from agent.article import Article, read
from agent.books.planfile import like, read_text
from agent.books.status import status
from agent.errors import NotUtf8, UsageError
from agent.pipeline.estimate import estimate
from agent.pipeline.series import place_of
from agent.plan import targets_for
from agent.workspace import Workspace, hold, write_text

COMMON = 0.4
"""A tag that more than this share of the articles carry says nothing about any of them."""
SMALL = 3
"""Topics with fewer articles are put together."""
REST = "其他"
INLINE = 3
"""An article without displays and with fewer inline formulas than this is no technical one."""


@dataclass(frozen=True, slots=True)
class Candidate:
    slug: str
    file: str
    """Path below the articles folder."""
    title: str
    series: str
    number: int
    tags: tuple[str, ...]
    headings: tuple[str, ...]
    estimate: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aside:
    file: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    title: str
    items: tuple[Candidate, ...]
    calls: int
    tokens: int
    cost: float | None
    """US dollars; None where a price is unknown."""


@dataclass(frozen=True, slots=True)
class Proposal:
    batch: str
    groups: tuple[Group, ...]
    aside: tuple[Aside, ...]
    text: str
    """What would be added to the plan."""


def propose(ws: Workspace, *, size: int = 10) -> Proposal:
    """Group the articles that no batch names. Raises UsageError for a size below one."""
    if size < 1:
        raise UsageError(f"--size {size}", hint="a sub-batch holds at least one article")
    candidates, aside = _sorted_out(ws)
    batch = next_batch(ws)
    groups = []
    for id, (title, items) in zip(_ids(batch), _grouped(candidates, size), strict=False):
        guesses = [c.estimate for c in items]
        costs = [g["cost"] for g in guesses]
        known = None if any(c is None for c in costs) else round(sum(costs), 4)
        tokens = sum(g["prompt_tokens"] + g["completion_tokens"] for g in guesses)
        groups.append(Group(id, title, tuple(items), sum(g["calls"] for g in guesses), tokens, known))
    return Proposal(batch, tuple(groups), tuple(aside), plan_text(batch, groups))


def write(ws: Workspace, proposal: Proposal) -> None:
    """Add the proposal to the plan; what stands there keeps every byte.

    Raises UsageError where the plan has got that batch in the meantime."""
    path = ws.inside(ws.config.paths.plan)
    with hold(ws.locks, "plan", wait=10.0):
        if next_batch(ws) != proposal.batch:
            raise UsageError(f"{path.name} has changed since", hint="run again: expand plan propose")
        before = read_text(path)
        gap = "\n" if before and not before.replace("\r", "").endswith("\n\n") else ""
        write_text(path, before + like(before, gap + proposal.text))


def next_batch(ws: Workspace) -> str:
    numbers = [int(m[0]) for id in ws.plan().ids() if (m := re.match(r"\d+", id))]
    return str(max(numbers, default=0) + 1)


def _sorted_out(ws: Workspace) -> tuple[list[Candidate], list[Aside]]:
    candidates: list[Candidate] = []
    aside: list[Aside] = []
    for row in status(ws).unplanned:
        if row.status != "pending":
            continue
        path = ws.root / row.file
        file = path.relative_to(ws.articles).as_posix()
        try:
            article = read(path.read_bytes(), path.name)
        except (OSError, NotUtf8) as error:
            aside.append(Aside(file, row.title, str(error)))
            continue
        reason = not_technical(article)
        if reason:
            aside.append(Aside(file, row.title, reason))
        else:
            candidates.append(_candidate(ws, row.slug, file, article, path))
    return candidates, aside


def not_technical(article: Article) -> str:
    """Why an article is nothing to derive from; empty when it is."""
    inline = sum(f.kind == "inline" for f in article.formulas)
    if not article.displays and inline < INLINE:
        return f"没有独立公式，行内公式 {inline} 个"
    return ""


def _candidate(ws: Workspace, slug: str, file: str, article: Article, path: Path) -> Candidate:
    place = place_of(article.title)
    tags = (
        (article.front.fields.get("tags", "") if article.front else "").replace("，", ",").replace("、", ",")
    )
    return Candidate(
        slug=slug,
        file=file,
        title=article.title,
        series=place.base if place else "",
        number=place.number if place else 0,
        tags=tuple(dict.fromkeys(t.strip() for t in tags.split(",") if t.strip())),
        headings=tuple(h.text for h in article.headings if h.level == 2),
        estimate=estimate(article.data, path.name, targets_for(None, ws.config.targets), ws.config),
    )


def _grouped(candidates: Sequence[Candidate], size: int) -> Iterator[tuple[str, list[Candidate]]]:
    """(title, items) of each sub-batch: topics by frequency, a series together and in order."""
    units = _units(candidates)
    topics: dict[str, list[list[Candidate]]] = {}
    for unit, topic in zip(units, _topics(units), strict=True):
        topics.setdefault(topic, []).append(unit)
    small = [t for t, held in topics.items() if t != REST and sum(map(len, held)) < SMALL]
    for topic in small:
        topics.setdefault(REST, []).extend(topics.pop(topic))
    order = sorted(topics, key=lambda t: (t == REST, -sum(map(len, topics[t])), t))
    for topic in order:
        packs = _packed(topics[topic], size)
        for n, items in enumerate(packs, 1):
            yield (f"{topic}（{n}）" if len(packs) > 1 else topic), items


def _units(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """A series is one unit, in its order; any other article is one by itself."""
    series: dict[str, list[Candidate]] = {}
    for c in candidates:
        series.setdefault(c.series or f"\0{c.slug}", []).append(c)
    return [sorted(held, key=lambda c: (c.number, c.slug)) for held in series.values()]


def _topics(units: Sequence[Sequence[Candidate]]) -> list[str]:
    """The tag each unit shares with most others, tags that nearly everyone has left out; without tags, a word of
    its headings that others share."""
    tags = [Counter(t for c in unit for t in c.tags) for unit in units]
    counts = Counter(t for held in tags for t in held)
    limit = max(COMMON * len(units), SMALL)
    words = [
        {w for c in unit for h in c.headings for w in re.findall(r"[A-Za-z]{3,}|[\u4e00-\u9fff]{2,4}", h)}
        for unit in units
    ]
    shared = Counter(w for held in words for w in held)
    chosen = []
    for held, own in zip(tags, words, strict=True):
        usable = [t for t in held if counts[t] <= limit]
        by_word = [w for w in own if 1 < shared[w] <= limit]
        if usable:
            chosen.append(max(usable, key=lambda t: (counts[t], held[t], t)))
        elif by_word and not held:
            chosen.append(max(by_word, key=lambda w: (shared[w], w)))
        else:
            chosen.append(REST)
    return chosen


def _packed(units: Sequence[Sequence[Candidate]], size: int) -> list[list[Candidate]]:
    """Units into sub-batches of at most ``size`` and about equal length; only a series longer than that is cut."""
    pieces = [list(unit[i : i + size]) for unit in units for i in range(0, len(unit), size)]
    total = sum(map(len, pieces))
    even = ceil(total / ceil(total / size))
    packs: list[list[Candidate]] = []
    for piece in pieces:
        if packs and len(packs[-1]) + len(piece) <= min(size, max(even, len(piece))):
            packs[-1] += piece
        else:
            packs.append(piece)
    return packs


def _ids(batch: str) -> Iterator[str]:
    for prefix in ("", *string.ascii_uppercase):
        for letter in string.ascii_uppercase:
            yield f"{batch}{prefix}{letter}"


def plan_text(batch: str, groups: Sequence[Group]) -> str:
    """The batch as TOML."""
    import tomlkit

    if not groups:
        return ""
    rows = ["[[batch]]", f'id = "{batch}"', 'title = "其余各篇"']
    for group in groups:
        rows += [
            "",
            "[[batch.sub]]",
            f'id = "{group.id}"',
            f"title = {tomlkit.item(group.title).as_string()}",
        ]
        for c in group.items:
            rows += [
                "",
                "[[batch.sub.item]]",
                f"file = {tomlkit.item(c.file).as_string()}",
                f"title = {tomlkit.item(c.title).as_string()}",
            ]
    return "\n".join(rows) + "\n"
