"""Screens of the review: drafts that wait, what was decided, what was merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.records import INDEX
from agent.report.screens.common import cell, named, t
from agent.report.words import counted, listed


def show_drafts(console: Console, rows: Sequence[Any]) -> None:
    if not rows:
        console.print("No draft waits for review; write one: expand next")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("verdict", "draft", "lines", "formulas", "decided"):
        table.add_column(name, justify="right" if name in ("lines", "formulas", "decided") else "left")
    for row in rows:
        style = {"pass": "green", "fail": "red"}.get(row.verdict, "yellow")
        table.add_row(
            t(row.verdict, style), cell(named(row.title, row.slug)), str(row.lines), str(row.formulas),
            f"{row.decided}/{row.sections}",
        )  # fmt: skip
    console.print(table)
    console.print("Review one: expand review SLUG, or all in the browser: expand review --web")


def show_decided(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"{data['slug']}: {data['status']}"))
    if data["undecided"]:
        console.print(t("undecided: " + ", ".join(data["undecided"])))
    rejected = [id for id, decision in data["sections"].items() if decision == "rejected"]
    if rejected:
        console.print(t("rejected: " + ", ".join(rejected), "yellow"))


def show_merged(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        merged = [s for s in row["sections"] if s != INDEX]  # the index is the program's own
        if row["recovered"]:
            console.print(t(f"{row['slug']}: {row['recovered']}", "yellow"))
        console.print(t(f"{row['file']}: {row['before']['lines']} → {row['after']['lines']} lines, "
                        f"{row['before']['formulas']} → {row['after']['formulas']} formulas, "
                        f"{counted(len(merged), 'section')}"))  # fmt: skip
        if row["rebased"]:
            console.print(t("  the article had changed since the draft was made; the change is kept"))
        if row["undecided"]:
            console.print(t("  undecided, so left out: " + listed(row["undecided"]), "yellow"))
        rejected = [s for s in row["left_out"] if s not in row["undecided"]]
        if rejected:
            console.print(t("  rejected: " + ", ".join(rejected)))
        if row["kept"]:
            console.print(
                t(
                    "  kept as edited by hand: "
                    + ", ".join(row["kept"])
                    + "  (--overwrite takes the draft's)",
                    "yellow",
                )
            )
        if row["commit"]:
            where = f" on {row['branch']}" if row["branch"] else ""
            console.print(t(f"  commit {row['commit'][:10]}{where}"))
        console.print(t(f"  back again: expand undo {row['slug']}"))


def show_undone(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"{data['file']}: as it was before the merge"))


def show_exported(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"{data['file']}: {data['bytes'] / 1e6:.1f} MB, opens in any browser, needs no network"))


REVIEWS: dict[str, Callable[[Console, Any], None]] = {
    "drafts": show_drafts,
    "decided": show_decided,
    "merged": show_merged,
    "undone": show_undone,
    "exported": show_exported,
}
