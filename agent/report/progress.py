"""PROGRESS_REPORT.md: one entry for each sub-batch and day, newest first.

What became of the articles is folded from the event log up to the end of an entry's day, so an older entry says
what was so on that day. What they are measured against is today's: titles, targets and places from the plan, the
number of articles from their folder. Rendering again changes nothing while those stay; a new plan or article is
written into older entries too. Days are those of UTC. *Done* means merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.plan import Batch, Item, Place, Plan, SubBatch, targets_for
from agent.records import Targets
from agent.report.markers import Key, combine, key
from agent.workspace import Event, State, Workspace, derive

TOLD = ("drafted", "merged", "undone", "rejected", "failed", "adopted")
"""Events that make an entry; picking, accepting and redoing lead to one of these."""

_UNPLANNED = SubBatch("", title="计划外")


def update(existing: bytes | None, ws: Workspace, plan: Plan, events: Sequence[Event]) -> bytes:
    """The report's bytes, brought up to date. What a person wrote outside the markers keeps every byte.

    Raises UsageError where markers in ``existing`` are broken.
    """
    entries = render(ws, plan, events)
    return combine(existing or b"", entries, tuple(entries), ws.config.paths.report)


def render(ws: Workspace, plan: Plan, events: Sequence[Event]) -> dict[Key, str]:
    """Every entry by its key, newest first."""
    homes = {p.item.slug: (p.batch, p.sub) for p in reversed(tuple(plan.places()))}
    subs: dict[str, tuple[Batch | None, SubBatch]] = {s.id: (b, s) for b in plan.batches for s in b.subs}
    subs[""] = (None, _UNPLANNED)
    told: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        if event.kind in TOLD:
            home = homes[event.slug][1].id if event.slug in homes else ""
            told.setdefault((event.at[:10], home), []).append(event)
    ranks = {id: i for i, id in enumerate(subs)}
    files = ws.slugs()
    texts: dict[tuple[str, str], str] = {}
    for day, states in _days(events):
        for id in [id for id in subs if (day, id) in told]:
            today = {e.slug: e.kind for e in told[day, id]}
            texts[day, id] = _Entry(ws, day, *subs[id], states, today, files).text()
    newest = sorted(told, key=lambda t: (_descending(t[0]), ranks[t[1]]))
    return {key(id, day): texts[day, id] for day, id in newest}


def _days(events: Sequence[Event]) -> Iterator[tuple[str, Mapping[str, State]]]:
    """Each day, oldest first, with the states at its end. Only what had an event on a day is folded anew, from its own
    events: to fold them all for each day takes time that grows with its square."""
    of: dict[str, list[Event]] = {}
    touched: dict[str, set[str]] = {}
    for event in events:
        of.setdefault(event.slug, []).append(event)
        touched.setdefault(event.at[:10], set()).add(event.slug)
    states: dict[str, State] = {}
    for day in sorted(touched):
        for slug in touched[day]:
            states |= derive(e for e in of[slug] if e.at[:10] <= day)
        yield day, states


def _descending(day: str) -> tuple[int, ...]:
    return tuple(-int(part) if part.isdigit() else 0 for part in day.split("-"))


@dataclass(frozen=True, slots=True)
class _Entry:
    ws: Workspace
    day: str
    batch: Batch | None
    sub: SubBatch
    states: Mapping[str, State]
    """At the end of the day."""
    today: Mapping[str, str]
    """Slug → the last that happened to it on the day."""
    files: Mapping[str, Path]
    """Articles in the workspace, by slug."""

    def text(self) -> str:
        merged, drafts, failed, hand, back = (self._today(s) for s in _GROUPS)
        parts = [
            self._head(),
            self._articles("✅ 本日合并", merged),
            self._articles("📝 本日草稿，待审", drafts),
            self._articles("🖐 本日登记的手工扩充", hand),
            self._short("❌ 本日失败", failed),
            self._short("↩️ 本日退回，重新待处理", back),
            self._remaining(),
            self._totals(),
            self._overview(),
        ]
        return "\n\n".join(p for p in parts if p) + "\n"

    def _today(self, statuses: tuple[str, ...]) -> list[str]:
        order = [i.slug for i in self.sub.items]
        here = [s for s in self.today if self._group(s) in statuses]
        return sorted(here, key=lambda s: order.index(s) if s in order else len(order))

    def _group(self, slug: str) -> str:
        # A run that fails takes no draft away, and is told all the same.
        return "failed" if self.today[slug] == "failed" else self._state(slug).status

    def _state(self, slug: str) -> State:
        return self.states.get(slug, State())

    def _item(self, slug: str) -> Item | None:
        return next((i for i in self.sub.items if i.slug == slug), None)

    def _title(self, slug: str) -> str:
        item = self._item(slug)
        return _clean((item.title if item else "") or str(self._state(slug).data.get("title", "")) or slug)

    def _file(self, slug: str) -> str:
        item, folder = self._item(slug), self.ws.config.paths.articles
        if item is None and slug in self.files:
            return self.files[slug].relative_to(self.ws.root).as_posix()
        return f"{folder}/{item.file if item else slug + '.md'}"

    def _head(self) -> str:
        done, total = self._done(self.sub.items)
        name = f"子批次{self.sub.id}" if self.sub.id else "计划外的文章"
        topic = f"（{_clean(self.sub.title)}）" if self.sub.title and self.sub.id else ""
        share = f"：已合并 {done}/{total} 篇" if self.sub.id else ""
        lines = [f"## 📅 {self.day} - {name}{topic}{share}", ""]
        if self.batch:
            lines.append(
                f"- **批次**：{self.batch.id}"
                + (f"（{_clean(self.batch.title)}）" if self.batch.title else "")
            )
            lines.append(f"- **已合并**：{done}/{total} 篇（{_percent(done, total)}）")
            for word, status in (
                ("待审", ("draft", "accepted")),
                ("手工扩充", ("by-hand",)),
                ("失败", ("failed",)),
            ):
                count = sum(self._state(i.slug).status in status for i in self.sub.items)
                if count:
                    lines.append(f"- **{word}**：{count} 篇")
        lines.append(f"- **目标**：{self._wanted()}")
        return "\n".join(lines)

    def _wanted(self) -> str:
        place = Place(self.batch, self.sub, Item("")) if self.batch else None
        return _targets_text(targets_for(place, self.ws.config.targets))

    def _articles(self, heading: str, slugs: list[str]) -> str:
        if not slugs:
            return ""
        blocks = [f"### {heading}（{len(slugs)} 篇）", _sum(self._state(s).data for s in slugs)]
        for number, slug in enumerate(slugs, 1):
            blocks.append(self._article(number, slug))
        return "\n\n".join(blocks)

    def _article(self, number: int, slug: str) -> str:
        data = self._state(slug).data
        lines = [f"#### {number}. {self._title(slug)}", f"- **文件**：`{self._file(slug)}`"]
        lines.append(f"- **扩充**：{_growth(data, 'lines', '行')}，{_growth(data, 'formulas', '个公式')}")
        if data.get("targets"):
            lines.append("- **目标**：" + "；".join(_target(t) for t in data["targets"]))
        if data.get("verdict"):
            lines.append(f"- **检查**：{_VERDICTS.get(str(data['verdict']), _clean(str(data['verdict'])))}")
        if data.get("core"):
            lines.append("- **核心内容**：")
            lines += [f"  - {_clean(str(c))}" for c in data["core"]]
        return "\n".join(lines)

    def _short(self, heading: str, slugs: list[str]) -> str:
        if not slugs:
            return ""
        lines = [f"### {heading}（{len(slugs)} 篇）", ""]
        for slug in slugs:
            state = self._state(slug)
            why = state.error or next((n for s, n in reversed(state.notes) if not s), "")
            lines.append(
                f"- {self._title(slug)}（`{self._file(slug)}`）" + (f"：{_clean(why)}" if why else "")
            )
        return "\n".join(lines)

    def _remaining(self) -> str:
        left = [i for i in self.sub.items if self._state(i.slug).status not in ("merged", "by-hand")]
        if not self.sub.items:
            return ""
        if not left:
            return "### 📋 剩余\n\n本子批次没有剩余的文章。"
        lines = [f"### 📋 剩余（{len(left)} 篇）", ""]
        for number, item in enumerate(left, 1):
            state = self._state(item.slug)
            focus = "；核心点：" + "、".join(map(_clean, item.focus)) if item.focus else ""
            lines.append(
                f"{number}. {self._title(item.slug)}（`{self._file(item.slug)}`）："
                f"{_WORDS.get(state.status, state.status)}{focus}"
            )
        return "\n".join(lines)

    def _totals(self) -> str:
        by = [s.status for s in self.states.values()]
        merged = [s.data for s in self.states.values() if s.status == "merged"]
        done = len(merged)
        total = len(self.files)
        rows = [
            ("文章总数", str(total), "100%"),
            ("已合并", str(done), _percent(done, total)),
            ("待审草稿", str(by.count("draft") + by.count("accepted")), ""),
            ("手工扩充（已登记）", str(by.count("by-hand")), ""),
            ("失败", str(by.count("failed")), ""),
        ]
        if self.sub.id:
            own, of = self._done(self.sub.items)
            rows.append((f"子批次{self.sub.id}", f"{own}/{of}", _percent(own, of)))
        rows.append(("合并累计新增行数", f"{sum(_gain(d, 'lines') for d in merged):,}", ""))
        rows.append(("合并累计新增公式", f"{sum(_gain(d, 'formulas') for d in merged):,}", ""))
        return "### 📊 累计进度\n\n" + _table(("指标", "数值", "占比"), rows)

    def _overview(self) -> str:
        if self.batch is None:
            return ""
        rows = []
        for sub in self.batch.subs:
            done, total = self._done(sub.items)
            waiting = sum(self._state(i.slug).status in ("draft", "accepted") for i in sub.items)
            hand = sum(self._state(i.slug).status == "by-hand" for i in sub.items)
            name = f"**{sub.id}**" if sub.id == self.sub.id else sub.id
            rows.append((name, _cell(sub.title), f"{done}/{total}", str(waiting), str(hand)))
        items = {i.slug: i for s in self.batch.subs for i in s.items}
        done, total = self._done(items.values())
        table = _table(("子批次", "主题", "已合并", "待审", "手工"), rows)
        whole = f"批次 {self.batch.id} 合计：{done}/{total} 篇已合并（{_percent(done, total)}）。"
        return f"### 🎯 批次 {self.batch.id} 各子批次\n\n{table}\n\n{whole}"

    def _done(self, items: Iterable[Item]) -> tuple[int, int]:
        statuses = [self._state(i.slug).status for i in items]
        return statuses.count("merged"), len(statuses)


_GROUPS = (("merged",), ("draft", "accepted"), ("failed",), ("by-hand",), ("pending",))
_VERDICTS = {"pass": "通过", "fail": "未通过", "undecided": "未判定"}
_WORDS = {"pending": "未开始", "draft": "草稿待审", "accepted": "已接受，待合并", "failed": "失败"}
_NAMES = {"lines": "行数", "formulas": "公式"}


def _measured(data: Mapping[str, Any], when: str, name: str) -> int | None:
    found = data.get(when)
    value = found.get(name) if isinstance(found, Mapping) else None
    return value if isinstance(value, int) else None


def _gain(data: Mapping[str, Any], name: str) -> int:
    before, after = _measured(data, "before", name), _measured(data, "after", name)
    return after - before if before is not None and after is not None else _measured(data, "added", name) or 0


def _growth(data: Mapping[str, Any], name: str, unit: str) -> str:
    before, after = _measured(data, "before", name), _measured(data, "after", name)
    if after is None:
        return f"{unit}数没有测量"
    if before is None:
        return f"现有 {after:,} {unit}（原文未知）"
    ratio = f"，{after / before:.2f} 倍" if before else ""
    return f"从 {before:,} 到 {after:,} {unit}（新增 {after - before:,}{ratio}）"


def _target(result: Mapping[str, Any]) -> str:
    name = _NAMES.get(str(result.get("name")), _clean(str(result.get("name"))))
    wanted, got = int(result.get("wanted", 0)), int(result.get("got", 0))
    if got >= wanted:
        return f"{name} {got:,}/{wanted:,} 达标"
    return f"{name} {got:,}/{wanted:,} **未达标**（差 {wanted - got:,}）"


def _targets_text(wanted: Targets) -> str:
    scope = "新增" if wanted.added else "全文"
    pairs = ((wanted.lines, "行"), (wanted.formulas, "个公式"))
    asked = [f"{n:,}+ {unit}" for n, unit in pairs if n]
    return f"{scope} " + "，".join(asked) if asked else "未设"


def _sum(every: Iterable[Mapping[str, Any]]) -> str:
    datas = list(every)
    lines = sum(_measured(d, "after", "lines") or 0 for d in datas)
    formulas = sum(_measured(d, "after", "formulas") or 0 for d in datas)
    more = (sum(_gain(d, "lines") for d in datas), sum(_gain(d, "formulas") for d in datas))
    missed = sum(any(int(t["got"]) < int(t["wanted"]) for t in d.get("targets", ())) for d in datas)
    tail = f"；**{missed} 篇未达目标**" if missed else ""
    return f"合计 {lines:,} 行、{formulas:,} 个公式，其中新增 {more[0]:,} 行、{more[1]:,} 个公式{tail}。"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "—"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(r) + " |" for r in rows)])


def _cell(text: str) -> str:
    return _clean(text).replace("|", "\\|")


def _clean(text: str) -> str:
    """One line without anything that could open or close a comment, so that text can never forge a marker."""
    return " ".join(text.split()).replace("<!--", "<! --").replace("-->", "-- >")
