"""``plan.toml``: what to expand, in which order, towards which targets. It holds no status.

A plan is batches (`9`) → sub-batches (`9C`) → items. Targets of an item beat those of its sub-batch, batch
and config, key by key, in that order.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from agent.config import StandardConfig, TargetsConfig, parse, read_toml, tables
from agent.errors import ConfigError, PathEscape
from agent.records import Targets


def slug_of(path: str | PurePath) -> str:
    """The slug is the file's stem, in the composed form of Unicode so that one name has one slug."""
    # By the name alone: to make a path of it takes longer than all the rest.
    return unicodedata.normalize("NFC", os.path.splitext(os.path.basename(path))[0])


@dataclass(frozen=True, slots=True)
class PartialTargets:
    """Targets of one level; None leaves a key to the level above."""

    lines: int | None = None
    formulas: int | None = None
    added: bool | None = None


@dataclass(frozen=True, slots=True)
class Item:
    file: str
    """File name below the articles folder."""
    title: str = ""
    focus: tuple[str, ...] = ()
    """核心点: what a person wants the expansion to be about; goes into the prompts."""
    targets: PartialTargets = PartialTargets()

    @property
    def slug(self) -> str:
        return slug_of(self.file)


@dataclass(frozen=True, slots=True)
class SubBatch:
    id: str
    title: str = ""
    note: str = ""
    targets: PartialTargets = PartialTargets()
    standard: Mapping[str, object] = field(default_factory=dict)
    """Keys of `[standard]` that this sub-batch overrides."""
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    id: str
    title: str = ""
    targets: PartialTargets = PartialTargets()
    subs: tuple[SubBatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """An item with the batch and sub-batch it stands in."""

    batch: Batch
    sub: SubBatch
    item: Item


@dataclass(frozen=True, slots=True)
class Plan:
    batches: tuple[Batch, ...] = ()

    def places(self) -> Iterator[Place]:
        """All items in plan order."""
        for batch in self.batches:
            for sub in batch.subs:
                for item in sub.items:
                    yield Place(batch, sub, item)

    def find(self, slug: str) -> Place | None:
        return next((p for p in self.places() if p.item.slug == slug), None)

    def select(self, id: str) -> tuple[Place, ...]:
        """Items of a sub-batch (`9C`) or of a whole batch (`9`); empty where neither exists."""
        return tuple(p for p in self.places() if id in (p.sub.id, p.batch.id))

    def ids(self) -> tuple[str, ...]:
        return tuple(x for b in self.batches for x in (b.id, *(s.id for s in b.subs)))


def targets_for(place: Place | None, config: TargetsConfig) -> Targets:
    """The targets of an item: its own, else its sub-batch's, batch's, config's, key by key."""
    lines, formulas, added = config.lines, config.formulas, config.added
    for level in (place.batch.targets, place.sub.targets, place.item.targets) if place else ():
        lines = lines if level.lines is None else level.lines
        formulas = formulas if level.formulas is None else level.formulas
        added = added if level.added is None else level.added
    return Targets(lines, formulas, added)


def standard_for(place: Place | None, config: StandardConfig) -> StandardConfig:
    """The expansion standard of an item: config, overridden by its sub-batch."""
    if place is None or not place.sub.standard:
        return config
    own = {name: getattr(config, name) for name in StandardConfig.__dataclass_fields__}
    merged = {**own, **place.sub.standard}
    return parse(StandardConfig, merged, where=f"plan.toml: sub-batch {place.sub.id}", prefix="standard.")


def load(path: Path) -> Plan:
    """Read a plan; an absent file is an empty plan.

    Raises ConfigError for unreadable TOML, unknown keys, an ID or a file named twice, and PathEscape for an
    item whose path leaves the articles folder.
    """
    if not path.exists():
        return Plan()
    raw = read_toml(path)
    where = path.name
    batches = tables(raw, "batch", where)
    if raw:
        raise ConfigError(
            f"{where}: unknown key {next(iter(raw))}", hint="a plan is a list of [[batch]] tables"
        )
    plan = Plan(tuple(_batch(*b) for b in batches))
    _validate(plan, where)
    return plan


def _batch(where: str, raw: dict[str, Any]) -> Batch:
    subs = tables(raw, "sub", where, "batch.")
    shell = parse(_BatchTable, raw, where=where, prefix="batch.", more=("sub",))
    return Batch(shell.id, shell.title, shell.targets, tuple(_sub(*s) for s in subs))


def _sub(where: str, raw: dict[str, Any]) -> SubBatch:
    items = tables(raw, "item", where, "batch.sub.")
    shell = parse(_SubTable, raw, where=where, prefix="batch.sub.", more=("item",))
    made = tuple(parse(Item, item, where=place, prefix="batch.sub.item.") for place, item in items)
    return SubBatch(shell.id, shell.title, shell.note, shell.targets, shell.standard, made)


@dataclass(frozen=True, slots=True)
class _BatchTable:
    id: str
    title: str = ""
    targets: PartialTargets = PartialTargets()


@dataclass(frozen=True, slots=True)
class _SubTable:
    id: str
    title: str = ""
    note: str = ""
    targets: PartialTargets = PartialTargets()
    standard: dict = field(default_factory=dict)  # type: ignore[type-arg]


def _validate(plan: Plan, where: str) -> None:
    seen: dict[str, str] = {}
    for batch in plan.batches:
        for id in (batch.id, *(s.id for s in batch.subs)):
            if id in seen:
                raise ConfigError(
                    f"{where}: the ID {id} stands twice", hint="give each batch and sub-batch its own ID"
                )
            seen[id] = id
    for sub in (s for batch in plan.batches for s in batch.subs):
        named: set[str] = set()
        for item in sub.items:
            slug = item.slug
            if slug in named:
                raise ConfigError(f"{where}: {sub.id} names {item.file} twice", hint="leave one of them out")
            named.add(slug)
    for place in plan.places():
        file = place.item.file
        if file.startswith("/") or ".." in file.split("/") or "\\" in file or "\0" in file:
            raise PathEscape(
                f"{where}: {place.sub.id} names {file}, which leaves the articles folder",
                hint="name a file below the articles folder, such as my-article.md",
            )
