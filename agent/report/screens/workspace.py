"""Screens of a workspace and its books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from agent.report.plain import plain
from agent.report.screens.common import FOLDED, MARKS, SCREENFUL, SEVERITY, named, show_table, t
from agent.report.words import counted, listed

if TYPE_CHECKING:
    from agent.books.status import ArticleStatus, BatchStatus, Counts, Status


def show_init(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"workspace {data['folder']}: {', '.join(data['made']) or 'nothing to make'}"))
    if not data["sample"]:
        console.print(
            "It holds articles already, so no sample was added; build a plan from your documents: expand plan import"
        )
    else:
        console.print("Next: expand next")


def show_status(console: Console, data: Status) -> None:
    console.print(t(f"{counted(data.counts.total, 'article')}: {standings(data.counts)}"))
    console.print(t(f"the files as they are: {_size(data.lines, data.formulas)}"))
    for word, said in (("draft", "drafts that wait for review"), ("accepted", "accepted, to be merged")):
        sizes = [
            (a.draft_lines, a.draft_formulas or 0)
            for a in data.articles()
            if a.status == word and a.draft_lines is not None
        ]
        if sizes:
            console.print(t(f"{said}: {_size(*map(sum, zip(*sizes, strict=True)))}"))
    folded = console.is_terminal and data.counts.total > SCREENFUL
    show_plan(console, data.batches, folded=folded)
    if data.unplanned:
        console.print(t(f"\n{counted(len(data.unplanned), 'article')} that no batch names", "bold"))
        if not folded:
            _show_articles(console, data.unplanned)
    if folded:
        console.print(t("\nSub-batches under way are listed; --json, or a pipe, lists every article.", "dim"))


STANDINGS = ("done", "accepted", "drafts", "pending", "failed", "by_hand", "missing")
BEGUN = ("accepted", "drafts", "failed", "by_hand", "missing")
"""What a sub-batch's line says beside how many of its articles are done; the rest is pending."""


def standings(counts: Counts, names: Sequence[str] = STANDINGS) -> str:
    """How many articles stand where; what no article is, is left out."""
    found = {name: getattr(counts, name) for name in names}
    said = [
        counted(many, "draft") if name == "drafts" else f"{many:,} {name.replace('_', ' ')}"
        for name, many in found.items()
        if many
    ]
    return ", ".join(said) or "none"


def _size(lines: int, formulas: int) -> str:
    return f"{counted(lines, 'line')}, {counted(formulas, 'display formula')}"


def show_plan(console: Console, batches: Sequence[BatchStatus], *, folded: bool = False) -> None:
    if not batches:
        console.print("The plan is empty; build one from your documents: expand plan import")
    subs = [sub for batch in batches for sub in batch.subs]
    for sub in subs:
        c = sub.counts
        if not c.total:
            continue
        begun = c.accepted + c.drafts + c.failed + c.by_hand + c.missing
        rest = f", {standings(c, BEGUN)}" if begun else ""
        console.print(t(f"\n{sub.id} {sub.title}  {c.done}/{c.total} done{rest}", "bold"))
        if not (folded and c.total in (c.done + c.by_hand, c.pending)):
            _show_articles(console, sub.articles)
    empty = [sub.id for sub in subs if not sub.counts.total]
    if empty:
        console.print(
            t(
                f"\n{counted(len(empty), 'sub-batch', 'sub-batches')} without an article: {listed(empty)}",
                "dim",
            )
        )


def _show_articles(console: Console, rows: Sequence[ArticleStatus]) -> None:
    head = ("state", "article", "lines", "formulas", "target")
    show_table(console, head, map(_article, rows), right=(2, 3), styles=dict(MARKS.values()))


def _article(row: ArticleStatus) -> tuple[str, ...]:
    word, _ = MARKS.get(row.status, (row.status, ""))
    lines = row.draft_lines if row.draft_lines is not None else row.lines
    formulas = row.draft_formulas if row.draft_formulas is not None else row.formulas
    wanted = {x.name: x.wanted for x in row.targets}
    target = f"{wanted.get('lines', 0)}+ / {wanted.get('formulas', 0)}+" if wanted else ""
    verdict = " met" if row.met else " short" if row.status in ("draft", "accepted", "merged") else ""
    remark = f"  {row.error}" if row.error else "  source changed" if row.changed else ""
    return word, named(row.title, row.slug), str(lines), str(formulas), target + verdict + remark


def show_report(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"{data['file']}: {counted(data['lines'], 'line')}"))


def show_import(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"read: {', '.join(data['documents'])}"))
    console.print(t(f"{counted(len(data['matched']), 'article')} matched, {len(data['unmatched'])} not, "
                    f"{counted(len(data['conflicts']), 'conflict')}, {counted(len(data['claims']), 'mark')} "
                    "(claims, not status)"))  # fmt: skip
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
    console.print(
        t(counted(len(data["added"]), "addition") + ("" if data["written"] else " (nothing written)"))
    )


def place(source: Mapping[str, Any]) -> str:
    return f"{source.get('file', '')}:{source.get('line', '')}"


def show_adopt(console: Console, data: Mapping[str, Any]) -> None:
    if not data["history"]:
        console.print("no git history here: only articles marked completed without their stub can be found")
    if not data["rows"]:
        console.print("nothing to adopt: no article is completed that this program has not expanded")
        return
    rows: list[tuple[str, ...]] = []
    for row in data["rows"]:
        before, after = row["before"], row["after"]

        def grew(key: str, before: Any = before, after: Any = after) -> str:
            if after is None:
                return ""
            return f"{before[key] if before else '?'} → {after[key]}"

        said = "now" if row["recorded"] else "before" if row["known"] else "no"
        rows.append((named(row["title"], row["slug"]), row["reason"], grew("lines"), grew("formulas"), said))
    show_table(console, ("article", "why", "lines", "formulas", "recorded"), rows)


def show_audit(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    _audit_summary(console, rows)
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


def _audit_summary(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """The whole on one screen, before the findings: how many of which kind in which document."""
    console.print(t(counted(len(rows), "claim that does not hold", "claims that do not hold"), "bold"))
    kinds = Counter((f["file"], f["severity"], f["rule"]) for f in rows)
    if len(kinds) < 2:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("claims", "", "rule", "document"):
        table.add_column(name, justify="right" if name == "claims" else "left")
    for (file, severity, rule), count in sorted(kinds.items(), key=lambda kind: -kind[1]):
        table.add_row(f"{count:,}", t(severity, SEVERITY[severity]), t(rule), t(file))
    console.print(table)
    console.print()


def show_propose(console: Console, data: Mapping[str, Any]) -> None:
    for g in data["groups"]:
        console.print(t(f"{g['id']} {g['title']}  {_takes(g, len(g['items']))}", "bold"))
        console.print(t("\n".join(f"  {c['title']}" for c in g["items"])))
    if data["aside"]:
        console.print(t(f"set aside ({len(data['aside'])}):", "bold"))
        for a in data["aside"]:
            console.print(t(f"  {a['title']}: {a['reason']}", "dim"))
    if data["groups"]:
        articles = sum(len(g["items"]) for g in data["groups"])
        console.print(t(f"batch {data['batch']}: {_takes(data, articles)}", "bold"))
    else:
        console.print("Every technical article stands in a batch already.")


def _takes(estimate: Mapping[str, Any], articles: int) -> str:
    cost = "price unknown" if estimate["cost"] is None else f"about ${estimate['cost']:.2f}"
    noun = "article" if articles == 1 else "articles"
    return f"{articles} {noun}, about {estimate['calls']} calls, {estimate['tokens']:,} tokens, {cost}"


def show_doctor(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    words = {True: ("ok", "green"), False: ("fails", "red"), None: ("—", "dim")}
    for row in rows:
        word, style = words[row["ok"]]
        console.print(t(f"{word:5}", style).append(plain(f" {row['name']}: {row['detail']}")))
        if row["ok"] is not True and row["fix"]:
            for line in row["fix"].splitlines():
                console.print(t(f"        {line}", "dim"))
