"""Merging an imported plan into ``plan.toml`` without undoing what a person edited there.

A three-way merge: what the last import wrote (the *base*) tells a value of ours from a person's. A value that
is still ours follows the documents; one that was changed, and anything that was deleted, stays as the person
left it. Without a base everything that stands in the plan counts as the person's.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import tomlkit
from tomlkit.items import AoT

from agent.books.matching import normal
from agent.errors import ConfigError
from agent.plan import slug_of

Table = dict[str, Any]

HEADER = (
    "What to expand, in this order. It holds no status: see `expand status`.",
    "Edit it freely: importing again keeps your changes.",
)


def read_text(path: Path) -> str:
    """The plan as it stands, line ends included; empty where there is none."""
    return path.read_bytes().decode("utf-8") if path.is_file() else ""


def like(old: str, new: str) -> str:
    """``new`` with the line ends of ``old``, where those are all a carriage return and a newline."""
    windows = old.count("\r\n") == old.count("\n") > 0
    return re.sub(r"(?<!\r)\n", "\r\n", new) if windows else new


@dataclass(frozen=True, slots=True)
class Merged:
    text: str
    added: tuple[str, ...]
    kept: tuple[str, ...]


def merge(old: str, wanted: Sequence[Table], base: Sequence[Table]) -> Merged:
    """``old`` (TOML, maybe empty) with ``wanted`` merged in; comments and layout of ``old`` stay."""
    if not wanted:
        return Merged(old, (), ())
    document = tomlkit.parse(old)
    if not old.strip():
        for line in HEADER:
            document.add(tomlkit.comment(line))
        document.add(tomlkit.nl())
    run = _Merge(tomllib.loads(old))
    if "batch" not in document:
        document.add("batch", tomlkit.aot())
    tables = _tables(document, "batch")
    known = {b["id"]: b for b in base}
    for batch in wanted:
        run.batch(tables, batch, known.get(batch["id"], {}))
    return Merged(like(old, tomlkit.dumps(document)), tuple(run.added), tuple(run.kept))


def _tables(parent: Any, key: str) -> AoT:
    """The ``[[…]]`` tables of ``parent``. Raises ConfigError where they are written as one inline array, which
    cannot be added to without rewriting what a person wrote."""
    found = parent[key]
    if not isinstance(found, AoT):
        raise ConfigError(
            f"plan.toml: {key} is an inline array",
            hint="write [[batch]], [[batch.sub]] and [[batch.sub.item]]",
        )
    return found


class _Merge:
    def __init__(self, plan: Table) -> None:
        self.added: list[str] = []
        self.kept: list[str] = []
        self.subs = {s["id"] for b in plan.get("batch", []) for s in b.get("sub", [])}
        self.items = {
            _slug(i) for b in plan.get("batch", []) for s in b.get("sub", []) for i in s.get("item", [])
        }

    def batch(self, tables: AoT, wanted: Table, base: Table) -> None:
        name = f"batch {wanted['id']}"
        mine = next((t for t in tables if t["id"] == wanted["id"]), None)
        if mine is None:
            # A batch that was there and has gone was deleted, unless its sub-batches live on elsewhere.
            if base and not any(s["id"] in self.subs for s in wanted["sub"]):
                self.kept.append(f"{name} stays deleted")
                return
            if base:
                mine = _Elsewhere(tables)
            else:
                own = copy.deepcopy(wanted)
                for sub in own["sub"]:
                    sub["item"] = [i for i in sub["item"] if _slug(i) not in self.items]
                own["sub"] = [s for s in own["sub"] if s["id"] not in self.subs]
                tables.append(_batch_table(own))
                self.added.append(name)
                self.added += [f"{s['id']} ({len(s['item'])} articles)" for s in own["sub"]]
                mine = tables[-1]
        if not isinstance(mine, _Elsewhere):
            self._values(mine, wanted, base, name)
        known = {s["id"]: s for s in base.get("sub", [])}
        for sub in wanted["sub"]:
            self._sub(tables, mine, sub, known.get(sub["id"], {}))

    def _sub(self, tables: AoT, batch: Any, wanted: Table, base: Table) -> None:
        name = wanted["id"]
        mine = next((s for t in tables for s in t.get("sub", []) if s["id"] == name), None)
        if mine is None:
            if base or isinstance(batch, _Elsewhere):
                self.kept.append(f"{name} stays deleted")
                return
            if "sub" not in batch:
                batch.add("sub", tomlkit.aot())
            own = {**wanted, "item": [i for i in wanted["item"] if _slug(i) not in self.items]}
            _tables(batch, "sub").append(_sub_table(own))
            self.added.append(f"{name} ({len(own['item'])} articles)")
            mine = batch["sub"][-1]
        self._values(mine, wanted, base, name)
        known = {_slug(i): i for i in base.get("item", [])}
        for item in wanted["item"]:
            self._item(tables, mine, item, known.get(_slug(item), {}))

    def _item(self, tables: AoT, sub: Any, wanted: Table, base: Table) -> None:
        slug = _slug(wanted)
        mine = next((i for i in _items(tables) if _slug(i) == slug), None)
        if mine is not None:
            self._values(mine, wanted, base, wanted["file"])
        elif base:
            self.kept.append(f"{wanted['file']} stays deleted")
        else:
            if "item" not in sub:
                sub.add("item", tomlkit.aot())
            _tables(sub, "item").append(_plain_table(wanted))
            self.added.append(f"{wanted['file']} in {sub['id']}")

    def _values(self, mine: Any, wanted: Table, base: Table, name: str) -> None:
        """Bring the values of one table up to date, `targets` key by key."""
        for key in sorted({*wanted, *base} - {"id", "file", "sub", "item"}):
            if key == "targets":
                self._targets(mine, wanted.get(key, {}), base.get(key, {}), name)
                continue
            self._value(mine, key, wanted.get(key), base.get(key), f"{name} {key}")

    def _targets(self, mine: Any, wanted: Table, base: Table, name: str) -> None:
        if "targets" not in mine and wanted and not base:
            mine["targets"] = _inline(wanted)
            self.added.append(f"{name} targets")
            return
        for key in sorted({*wanted, *base}):
            if "targets" not in mine:
                self.kept.append(f"{name} targets.{key} stays unset")
                continue
            self._value(mine["targets"], key, wanted.get(key), base.get(key), f"{name} targets.{key}")

    def _value(self, mine: Any, key: str, wanted: Any, base: Any, name: str) -> None:
        present = mine.get(key)
        present = present.unwrap() if hasattr(present, "unwrap") else present
        if wanted is None or present == wanted:
            return
        if key == "title" and present is not None and normal(present) == normal(wanted):
            # Documents write one title with different marks; the plan would follow whichever was read last.
            return
        if present is None and base is None:
            mine[key] = wanted
            self.added.append(f"{name} = {wanted}")
        elif present == base:
            mine[key] = wanted
            self.added.append(f"{name} = {wanted} (was {base})")
        else:
            shown = "unset" if present is None else present
            self.kept.append(f"{name} stays {shown} (documents: {wanted})")


class _Elsewhere:
    """Stands for a batch that a person dissolved while its sub-batches live on in others."""

    def __init__(self, tables: AoT) -> None:
        self.tables = tables


def _items(tables: AoT) -> Iterator[Any]:
    for batch in tables:
        for sub in batch.get("sub", []):
            yield from sub.get("item", [])


def _slug(item: Any) -> str:
    return slug_of(PurePosixPath(str(item["file"])))


def _batch_table(wanted: Table) -> Any:
    table = _plain_table({k: v for k, v in wanted.items() if k != "sub"})
    if wanted["sub"]:
        subs = tomlkit.aot()
        for sub in wanted["sub"]:
            subs.append(_sub_table(sub))
        table.add("sub", subs)
    return table


def _sub_table(wanted: Table) -> Any:
    table = _plain_table({k: v for k, v in wanted.items() if k != "item"})
    if wanted["item"]:
        items = tomlkit.aot()
        for item in wanted["item"]:
            items.append(_plain_table(item))
        table.add("item", items)
    return table


def _plain_table(wanted: Table) -> Any:
    table = tomlkit.table()
    for key in ("id", "file", "title", "targets", "focus"):
        if key in wanted:
            table.add(key, _inline(wanted[key]) if key == "targets" else wanted[key])
    return table


def _inline(values: Table) -> Any:
    table = tomlkit.inline_table()
    table.update(values)
    return table
