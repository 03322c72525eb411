"""Screens of runs and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.records import INDEX
from agent.report.screens.common import FOLDED, show_table, t
from agent.report.words import counted, dollars, program, standing


def show_dry_run(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        guess, wanted = row["estimate"], row["targets"]
        cost = (
            "price unknown"
            if guess["cost"] is None
            else f"about ${guess['cost']:.2f} (prompts cached as usual)"
        )
        console.print(t(f"{row['slug']}  ({row['sub'] or 'not in the plan'})", "bold"))
        console.print(t(f"  target {wanted['lines']}+ lines, {wanted['formulas']}+ formulas; about {guess['calls']} calls, "
                        f"{guess['prompt_tokens']:,} prompt and {guess['completion_tokens']:,} reply tokens, "
                        f"{cost} with {guess['model']}"))  # fmt: skip
        console.print(t(f"  {within(guess)}", "dim"))
        if row["problem"]:
            console.print(t(f"  as things are it would not start: {row['problem']}", "yellow"))


def within(guess: Mapping[str, Any]) -> str:
    """The range of an estimate, and where it comes from."""
    bounds = guess["range"]
    calls, prompt, reply = (
        "{:,} to {:,}".format(*bounds[name]) for name in ("calls", "prompt_tokens", "completion_tokens")
    )
    cost = ""
    if bounds["cost"] is not None:
        cost = ", ${:.2f} to (with no prompt cached) ${:.2f}".format(*bounds["cost"])
    return f"four of five articles take {calls} calls, {prompt} prompt and {reply} reply tokens{cost} ({guess['from']['text']})"


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
    # The index is the program's own; nobody decides on it.
    sections = [s for s in report["sections"] if s["id"] != INDEX]
    done = [s for s in sections if s["verdict"] != "unfinished"]
    verdicts = standing(report["verdicts"])
    proved = sum(w.get("grade") == "proved" for w in report["witnesses"])
    verdicts += f" ({proved} of the verified proved)" if proved else ""
    ran = sum(e["verdict"] == "pass" for e in report["experiments"])
    console.print(t(f"{len(done)} of {counted(len(sections), 'section')} written; experiments: {ran} of {len(report['experiments'])} "
                    f"run; {verdicts}"))  # fmt: skip
    tokens = report["tokens"]
    console.print(t(f"{counted(report['calls'], 'call')}, {tokens['prompt']:,} prompt tokens ({tokens['cached']:,} cached), "
                    f"{tokens['completion']:,} reply tokens, {dollars(report['cost'])}"))  # fmt: skip
    for verdict in report["checks"]:
        errors = sum(f["severity"] == "error" for f in verdict["findings"])
        warnings = sum(f["severity"] == "warning" for f in verdict["findings"])
        if errors or warnings:
            console.print(
                t(f"  {verdict['name']}: {counted(errors, 'error')}, {counted(warnings, 'warning')}")
            )
    for reason in report["reasons"]:
        console.print(t(f"  - {reason}", "red"))
    closed = report.get("laboratory", "open") != "open"
    if closed:
        console.print(t(f"  {_not_run(report)}", "red"))
    if report["changed_prompts"]:
        number = len(report["changed_prompts"])
        said = counted(number, "answer was", "answers were")
        why = "for older prompts" + (", or where experiments ran" if closed else "")
        console.print(t(f"  {said} recorded {why}", "yellow"))
    expand = program()
    console.print(t(f"Read it: outputs/{report['slug']}/draft.md"))
    console.print(t(f"Diff:    {expand} diff {report['slug']}"))
    console.print(t(f"Decide:  {expand} review {report['slug']} --web"))


def _not_run(report: Mapping[str, Any]) -> str:
    why, fix = {
        "no sandbox": ("no sandbox", "expand doctor says what would open one"),
        "off": ("the laboratory is off", "lab.enabled in config.toml"),
    }[report["laboratory"]]
    count = counted(len(report["experiments"]), "experiment")
    return f"{why}: {count} and all witnesses 未运行; {fix}"


def show_ledger(console: Console, data: Mapping[str, Any]) -> None:
    console.print(
        t(
            f"{counted(data['rows'], 'reply', 'replies')}: {data['ok']} used, {data['rejected']} rejected, {data['unjudged']} not looked at"
        )
    )
    for name, m in data["models"].items():
        console.print(
            t(
                f"  {name}: {counted(m['calls'], 'call')}, {m['prompt']:,} prompt, {m['cached']:,} cached, "
                f"{m['completion']:,} reply tokens, {dollars(m['cost'])}"
            )
        )


def show_verify(console: Console, data: Mapping[str, Any]) -> None:
    for problem in data["problems"]:
        console.print(t(problem, "red"))
    console.print(
        t(f"{counted(data['rows'], 'reply', 'replies')}, {counted(len(data['problems']), 'problem')}")
    )


def show_export(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"{data['file']}: {counted(data['rows'], 'reply', 'replies')}"))


def show_cost(console: Console, data: Mapping[str, Any]) -> None:
    for kind in ("article", "section", "role", "model", "day"):
        head = (kind, "calls", "rejected", "prompt", "cached", "reply", "cost")
        rows = sorted(data[kind], key=lambda row: -row["prompt"]) if len(data[kind]) > FOLDED else data[kind]
        cells = [(row["name"], *_cost_cells(row)) for row in rows[:FOLDED]]
        show_table(console, head, cells, right=range(1, len(head)))
        if len(rows) > FOLDED:
            console.print(t(f"… and {len(rows) - FOLDED} smaller; --json lists all", "dim"))
        console.print()
    console.print(t("total: " + ", ".join(f"{n} {v}" for n, v in zip(("calls", "rejected", "prompt", "cached", "reply", "cost"), _cost_cells(data["total"]), strict=True))))  # fmt: skip


def _cost_cells(row: Mapping[str, Any]) -> list[str]:
    return [
        str(row["calls"]),
        str(row["rejected"]),
        f"{row['prompt']:,}",
        f"{row['cached']:,}",
        f"{row['completion']:,}",
        dollars(row["cost"], "unknown"),
    ]
