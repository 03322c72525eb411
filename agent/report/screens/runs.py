"""Screens of runs and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.report.screens.common import t


def show_dry_run(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        guess, wanted = row["estimate"], row["targets"]
        cost = "price unknown" if guess["cost"] is None else f"about ${guess['cost']:.2f}"
        console.print(t(f"{row['slug']}  ({row['sub'] or 'not in the plan'})", "bold"))
        console.print(t(f"  target {wanted['lines']}+ lines, {wanted['formulas']}+ formulas; about {guess['calls']} calls, "
                        f"{guess['prompt_tokens']:,} prompt and {guess['completion_tokens']:,} reply tokens, "
                        f"{cost} with {guess['model']}"))  # fmt: skip


def show_nothing(console: Console, data: Mapping[str, Any]) -> None:
    waiting = " Drafts wait for review: expand review" if data["drafts"] else ""
    console.print(t(f"Nothing to do: {data['why']}.{waiting}"))


def show_finished(console: Console, reports: Sequence[Mapping[str, Any]]) -> None:
    for report in reports:
        _report(console, report)


def _report(console: Console, report: Mapping[str, Any]) -> None:
    style = {"pass": "green", "fail": "red"}.get(report["verdict"], "yellow")
    word = {"pass": "meets its targets", "fail": "falls short", "undecided": "undecided"}[report["verdict"]]
    console.print(t(report["title"], "bold"), t(word, style))
    before, after = report["before"], report["after"]
    table = Table(box=None, pad_edge=False)
    for name in ("", "before", "after", "added", "target"):
        table.add_column(name, justify="left" if not name else "right")
    wanted = {x["name"]: x for x in report["targets"]}
    for key, label in (("lines", "lines"), ("substance_lines", "substance"), ("formulas", "formulas")):
        goal = wanted.get(key)
        mark = f"{goal['wanted']}+ {'met' if goal['met'] else 'missed'}" if goal else ""
        table.add_row(label, str(before[key]), str(after[key]), str(report["added"][key]), mark)
    console.print(table)
    done = [s for s in report["sections"] if s["verdict"] != "unfinished"]
    witnesses = report["witnesses"]
    words = ("verified", "consistent", "holds-on-samples", "refuted", "unchecked")
    counts = [(sum(w["verdict"] == word for w in witnesses), word) for word in words]
    verdicts = ", ".join(f"{n} {word}" for n, word in counts if n) or "none"
    ran = sum(e["verdict"] == "pass" for e in report["experiments"])
    console.print(t(f"{len(done)} of {len(report['sections'])} sections written; experiments: {ran} of {len(report['experiments'])} "
                    f"run; of {report['claims']} displayed claims: {verdicts}"))  # fmt: skip
    tokens = report["tokens"]
    cost = "cost unknown" if report["cost"] is None else f"${report['cost']:.4f}"
    console.print(t(f"{report['calls']} calls, {tokens['prompt']:,} prompt tokens ({tokens['cached']:,} cached), "
                    f"{tokens['completion']:,} reply tokens, {cost}"))  # fmt: skip
    for verdict in report["checks"]:
        errors = sum(f["severity"] == "error" for f in verdict["findings"])
        warnings = sum(f["severity"] == "warning" for f in verdict["findings"])
        if errors or warnings:
            console.print(t(f"  {verdict['name']}: {errors} errors, {warnings} warnings"))
    for reason in report["reasons"]:
        console.print(t(f"  - {reason}", "red"))
    if report["changed_prompts"]:
        console.print(
            t(f"  {len(report['changed_prompts'])} answers were recorded for older prompts", "yellow")
        )
    console.print(t(f"Read it: outputs/{report['slug']}/draft.md   Diff: expand diff {report['slug']}   "
                    f"Decide: expand review {report['slug']} --web"))  # fmt: skip


def show_ledger(console: Console, data: Mapping[str, Any]) -> None:
    console.print(
        t(
            f"{data['rows']} replies: {data['ok']} used, {data['rejected']} rejected, {data['unjudged']} not looked at"
        )
    )
    for name, m in data["models"].items():
        cost = "cost unknown" if m["cost"] is None else f"${m['cost']:.4f}"
        console.print(
            t(
                f"  {name}: {m['calls']} calls, {m['prompt']:,} prompt, {m['cached']:,} cached, {m['completion']:,} reply tokens, {cost}"
            )
        )


def show_verify(console: Console, data: Mapping[str, Any]) -> None:
    for problem in data["problems"]:
        console.print(t(problem, "red"))
    console.print(t(f"{data['rows']} replies, {len(data['problems'])} problems"))


def show_export(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"{data['file']}: {data['rows']} replies"))


def show_cost(console: Console, data: Mapping[str, Any]) -> None:
    for kind in ("article", "section", "role", "model", "day"):
        table = Table(box=None, pad_edge=False)
        for name in (kind, "calls", "rejected", "prompt", "cached", "reply", "cost"):
            table.add_column(name, justify="left" if name == kind else "right")
        for row in data[kind]:
            table.add_row(t(row["name"]), *_cost_cells(row))
        console.print(table)
        console.print()
    console.print(t("total: " + ", ".join(f"{n} {v}" for n, v in zip(("calls", "rejected", "prompt", "cached", "reply", "cost"), _cost_cells(data["total"]), strict=True))))  # fmt: skip


def _cost_cells(row: Mapping[str, Any]) -> list[str]:
    cost = "unknown" if row["cost"] is None else f"${row['cost']:.4f}"
    return [
        str(row["calls"]),
        str(row["rejected"]),
        f"{row['prompt']:,}",
        f"{row['cached']:,}",
        f"{row['completion']:,}",
        cost,
    ]
