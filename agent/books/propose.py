"""Planning the rest: articles no batch names, grouped into sub-batches by topic. Deterministic; no model decides."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path

from agent.article import read
from agent.books.index import Entry, look_at
from agent.books.planfile import like, read_text
from agent.books.status import status
from agent.books.topics import Candidate, grouped
from agent.errors import ConfigError, UsageError
from agent.pipeline.estimate import Size, estimate
from agent.pipeline.series import place_of, title_of
from agent.plan import targets_for
from agent.workspace import Workspace, hold, write_text

INLINE = 3
"""An article without displays and with fewer inline formulas than this is no technical one."""


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
    calls: int
    """Of all groups together, as are the next two."""
    tokens: int
    cost: float | None
    text: str
    """What would be added to the plan."""


def propose(ws: Workspace, *, size: int = 10) -> Proposal:
    """Group the articles that no batch names. Raises UsageError for a size below one."""
    if size < 1:
        raise UsageError(f"--size {size}", hint="a sub-batch holds at least one article")
    candidates, aside = _sorted_out(ws)
    batch = next_batch(ws)
    named = zip(_ids(batch), grouped(candidates, size), strict=False)
    groups = tuple(Group(id, title, tuple(items), *_sum(items)) for id, (title, items) in named)
    return Proposal(batch, groups, tuple(aside), *_sum(candidates), plan_text(batch, groups))


def _sum(items: Sequence[Candidate]) -> tuple[int, int, float | None]:
    """Calls, tokens and US dollars."""
    guesses = [c.estimate for c in items]
    costs = [g["cost"] for g in guesses]
    tokens = sum(g["prompt_tokens"] + g["completion_tokens"] for g in guesses)
    return sum(g["calls"] for g in guesses), tokens, None if None in costs else round(sum(costs), 4)


def write(ws: Workspace, batch: str, text: str) -> None:
    """Add a proposal to the plan; what stands there keeps every byte.

    Raises UsageError where the plan has got batches since the proposal, ConfigError where nothing can be added to it
    (its batches are one inline list, say), Locked; the plan is then untouched.
    """
    path = ws.inside(ws.config.paths.plan)
    with hold(ws.locks, "plan", wait=10.0):
        if next_batch(ws) != batch:
            raise UsageError(
                f"{path.name} has changed since batch {batch} was proposed",
                hint="run again: expand plan propose",
            )
        before = read_text(path)
        lines = before.replace("\r\n", "\n")
        gap = "" if not before or lines.endswith("\n\n") else "\n" if lines.endswith("\n") else "\n\n"
        after = before + like(before, gap + text)
        try:
            tomllib.loads(after)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(
                f"{path.name}: nothing can be added to it ({error})",
                hint="write its batches as [[batch]] tables",
            ) from None
        write_text(path, after)


def next_batch(ws: Workspace) -> str:
    numbers = [int(m[0]) for id in ws.plan().ids() if (m := re.match(r"\d+", id))]
    return str(max(numbers, default=0) + 1)


def _sorted_out(ws: Workspace) -> tuple[list[Candidate], list[Aside]]:
    candidates: list[Candidate] = []
    aside: list[Aside] = []
    rows = [row for row in status(ws).unplanned if row.status in ("pending", "failed")]
    seen = look_at(ws, [ws.root / row.file for row in rows])
    for row in rows:
        path = ws.root / row.file
        file = row.file.removeprefix(f"{ws.named(ws.articles)}/")
        entry = seen.get(path)
        reason = "读不出" if entry is None else entry.error or not_technical(entry)
        if entry is None or reason:
            aside.append(Aside(file, row.title, reason))
        else:
            candidates.append(_candidate(ws, row.slug, file, path, entry))
    return candidates, aside


def not_technical(entry: Entry) -> str:
    """Why an article is nothing to derive from; empty when it is."""
    if not entry.formulas and entry.inline < INLINE:
        return f"没有独立公式，行内公式 {entry.inline} 个"
    return ""


def _candidate(ws: Workspace, slug: str, file: str, path: Path, entry: Entry) -> Candidate:
    title = title_of(path, entry) or slug
    place = place_of(title)
    tags = [t.strip() for t in re.split("[,，、;；]", entry.tags.strip("[]"))]
    guess = estimate(Size(entry.lines, entry.chars), targets_for(None, ws.config.targets), ws.config)
    return Candidate(
        slug=slug,
        file=file,
        title=title,
        series=place.base if place else "",
        number=place.number if place else 0,
        tags=tuple(dict.fromkeys(t.strip("\"' ") for t in tags if t.strip("\"' "))),
        # Only an article without tags is known by its headings, and only its file knows them.
        headings=() if any(tags) else _headings(path),
        estimate=guess,
    )


def _headings(path: Path) -> tuple[str, ...]:
    return tuple(h.text for h in read(path.read_bytes(), path.name).headings if h.level == 2)


def _ids(batch: str) -> Iterator[str]:
    """9A … 9Z, 9AA, 9AB …, without end."""
    for length in count(1):
        for letters in product(string.ascii_uppercase, repeat=length):
            yield batch + "".join(letters)


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
