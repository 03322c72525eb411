"""Screens of a workspace and its books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.report.plain import plain
from agent.report.screens.common import FOLDED, MARKS, SEVERITY, t


def show_init(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"workspace {data['folder']}: {', '.join(data['made']) or 'nothing to make'}"))
    if not data["sample"]:
        console.print(
            "It holds articles already, so no sample was added; build a plan from your documents: expand plan import"
        )
    else:
        console.print("Next: expand next")


def show_status(console: Console, data: Mapping[str, Any]) -> None:
    c = data["counts"]
    console.print(t(f"{c['total']} articles: {c['done']} done, {c['accepted']} accepted, {c['drafts']} drafts, "
                    f"{c['pending']} pending, {c['failed']} failed, {c['by_hand']} by hand, {c['missing']} missing"))  # fmt: skip
    console.print(t(f"{data['lines']:,} lines, {data['formulas']:,} display formulas"))
    show_plan(console, data["batches"])
    if data["unplanned"]:
        console.print(t(f"\n{len(data['unplanned'])} articles that no batch names", "bold"))
        console.print(_articles(data["unplanned"]))


def show_plan(console: Console, batches: Sequence[Mapping[str, Any]]) -> None:
    if not batches:
        console.print("The plan is empty; build one from your documents: expand plan import")
    for batch in batches:
        for sub in batch["subs"]:
            c = sub["counts"]
            head = f"\n{sub['id']} {sub['title']}  {c['done']}/{c['total']} done"
            console.print(t(head + (f", {c['drafts']} drafts" if c["drafts"] else ""), "bold"))
            console.print(_articles(sub["articles"]))


def _articles(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("state", "article", "lines", "formulas", "target"):
        table.add_column(name, justify="right" if name in ("lines", "formulas") else "left", style="")
    for row in rows:
        word, style = MARKS.get(row["status"], (row["status"], ""))
        lines = row["draft_lines"] if row["draft_lines"] is not None else row["lines"]
        formulas = row["draft_formulas"] if row["draft_formulas"] is not None else row["formulas"]
        wanted = {x["name"]: x["wanted"] for x in row["targets"]}
        target = f"{wanted.get('lines', 0)}+ / {wanted.get('formulas', 0)}+" if wanted else ""
        verdict = (
            " met" if row["met"] else " short" if row["status"] in ("draft", "accepted", "merged") else ""
        )
        remark = f"  {row['error']}" if row["error"] else "  source changed" if row["changed"] else ""
        table.add_row(
            t(word, style),
            t(row["title"] or row["slug"]),
            str(lines),
            str(formulas),
            t(target + verdict + remark),
        )
    return table


def show_report(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"{data['file']}: {data['lines']} lines"))


def show_import(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"read: {', '.join(data['documents'])}"))
    console.print(t(f"{len(data['matched'])} articles matched, {len(data['unmatched'])} not, "
                    f"{len(data['conflicts'])} conflicts, {len(data['claims'])} marks (claims, not status)"))  # fmt: skip
    for row in data["unmatched"][:FOLDED]:
        near = f"  near: {', '.join(row['near'])}" if row.get("near") else ""
        console.print(
            t(f"  no file: {row.get('title') or row.get('name')}  ({place(row['source'])}){near}", "yellow")
        )
    if len(data["unmatched"]) > FOLDED:
        console.print(t(f"  … and {len(data['unmatched']) - FOLDED} more; --json lists all", "dim"))
    for row in data["conflicts"]:
        said = "; ".join(f"{x['text']} ({place(x)})" if "text" in x else place(x) for x in row["sources"])
        console.print(t(f"  conflict: {row['subject']}: {row['chosen']} — {said}", "yellow"))
    for row in data["kept"]:
        console.print(t(f"  kept your edit: {row}"))
    console.print(t(f"{len(data['added'])} additions" + ("" if data["written"] else " (nothing written)")))


def place(source: Mapping[str, Any]) -> str:
    return f"{source.get('file', '')}:{source.get('line', '')}"


def show_adopt(console: Console, data: Mapping[str, Any]) -> None:
    if not data["history"]:
        console.print("no git history here: only articles marked completed without their stub can be found")
    table = Table(box=None, pad_edge=False)
    for name in ("article", "why", "lines", "formulas", "recorded"):
        table.add_column(name)
    for row in data["rows"]:
        before, after = row["before"], row["after"]

        def grew(key: str, before: Any = before, after: Any = after) -> str:
            if after is None:
                return ""
            return f"{before[key] if before else '?'} → {after[key]}"

        said = "now" if row["recorded"] else "before" if row["known"] else "no"
        table.add_row(t(row["title"] or row["slug"]), t(row["reason"]), grew("lines"), grew("formulas"), said)
    console.print(table)


def show_audit(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    shown: dict[tuple[str, str], int] = {}
    for f in rows:
        group = (f["file"], f["rule"])
        shown[group] = shown.get(group, 0) + 1
        if shown[group] > FOLDED:
            continue
        head = t(f"{f['file']}:{f['line']}:{f['column']}: ").append(f["severity"], SEVERITY[f["severity"]])
        said = f": {f['message']} (claimed {f['claimed']}, measured {f['measured']}) [{f['rule']}]"
        console.print(head.append(plain(said)))
    for (file, rule), count in shown.items():
        if count > FOLDED:
            console.print(t(f"{file}: {count - FOLDED} more of [{rule}]; --json lists all", "dim"))
    console.print(t(f"{len(rows)} claims that do not hold"))


def show_propose(console: Console, data: Mapping[str, Any]) -> None:
    for g in data["groups"]:
        cost = "price unknown" if g["cost"] is None else f"about ${g['cost']:.2f}"
        console.print(t(f"{g['id']} {g['title']}  {len(g['items'])} articles, about {g['calls']} calls, "
                        f"{g['tokens']:,} tokens, {cost}", "bold"))  # fmt: skip
        for c in g["items"]:
            console.print(t(f"  {c['title']}"))
    if data["aside"]:
        console.print(t(f"set aside ({len(data['aside'])}):", "bold"))
        for a in data["aside"]:
            console.print(t(f"  {a['title']}: {a['reason']}", "dim"))
    if not data["groups"]:
        console.print("Every technical article stands in a batch already.")


def show_doctor(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    words = {True: ("ok", "green"), False: ("fails", "red"), None: ("—", "dim")}
    for row in rows:
        word, style = words[row["ok"]]
        console.print(t(f"{word:5}", style).append(plain(f" {row['name']}: {row['detail']}")))
        if row["ok"] is not True and row["fix"]:
            for line in row["fix"].splitlines():
                console.print(t(f"        {line}", "dim"))
