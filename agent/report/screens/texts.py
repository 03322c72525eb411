"""Screens of files: measures, findings, laboratory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from agent.report.plain import plain
from agent.report.screens.common import SEVERITY, t
from agent.report.words import counted, standing


def show_measure(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        console.print(t(row["file"], "bold"))
        console.print(t(f"  {_measured(row)}"))
        if row["added"]["lines"]:
            console.print(t(f"  added: {_measured(row['added'])}"))
        for name in ("code_blocks", "headings", "boxes"):
            if row[name]:
                # JSON has the levels of headings as words
                kinds = {
                    f"level {k}" if name == "headings" else k or "plain": v for k, v in row[name].items()
                }
                held = ", ".join(f"{v} {k}" for k, v in kinds.items())
                console.print(t(f"  {name.replace('_', ' ')}: {held}"))


def _measured(m: Mapping[str, Any]) -> str:
    tokens = "" if m["tokens"] is None else f", {m['tokens']:,} tokens"
    return (
        f"{counted(m['lines'], 'line')} ({m['substance_lines']:,} of substance), {counted(m['formulas'], 'display formula')} "
        f"({m['numbered']} numbered), {m['inline_formulas']} inline, "
        f"{counted(m['han_chars'], 'Han character')}, {counted(m['words'], 'word')}{tokens}"
    )


def show_findings(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """As a compiler prints: file:line:column: severity: message [check/rule]; line and column from 1, where there are any."""
    for f in rows:
        # What is about a whole file or line has no column, and 0 would be none that an editor knows.
        place = ":".join([f["file"], *(str(n) for n in (f["line"], f["column"]) if n), " "])
        console.print(t(place).append(f["severity"], SEVERITY[f["severity"]]).append(plain(f": {f['message']} [{f['check']}/{f['rule']}]")))  # fmt: skip
    count = {s: sum(f["severity"] == s for f in rows) for s in SEVERITY}
    words = {"error": "error", "warning": "warning", "info": "note"}
    console.print(t(", ".join(counted(count[s], word) for s, word in words.items())))


def show_witness(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    style = {"verified": "green", "refuted": "red", "unchecked": "yellow"}
    for row in rows:
        head = t(f"{row['file']}  {row['eq']}  ").append(row["verdict"], style.get(row["verdict"], "cyan"))
        tail = f"  {row['grade']}, {row['route']}, killed {row['killed']}/{row['live']}, linked {row['linked']}, {row['seconds']:.2f} s"
        console.print(head.append(plain(tail + (f"\n    {row['reason']}" if row["reason"] else ""))))


def show_experiment(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        console.print(t(f"{row['file']}  ").append("ok" if row["ok"] else "failed", "green" if row["ok"] else "red").append(f"  {row['seconds']:.2f} s"))  # fmt: skip
        for name, value in row["values"].items():
            console.print(t(f"  {name} = {value} {row['units'].get(name, '')}".rstrip()))
        for name in (*row["tables"], *row["figures"]):
            console.print(t(f"  {name}"))
        if row["stdout"].strip():
            console.print(t(row["stdout"].rstrip(), "dim"))
        if row["error"]:
            console.print(t(row["error"], "red"))
        for warning in row.get("warnings", ()):
            console.print(t(f"  {warning['message']}", "yellow"))


def show_evaluate(console: Console, data: Mapping[str, Any]) -> None:
    for m in data["measured"]:
        console.print(t(m["file"], "bold"))
        console.print(t(f"  {counted(m['lines'], 'line')}, {m['substance_share']:.0%} substance, "
                        f"{counted(m['formulas'], 'display formula')}"))  # fmt: skip
        console.print(t(f"  errors {_counts(m['errors'])}; warnings {_counts(m['warnings'])}"))
        console.print(t(f"  {standing(m['verdicts'])}"))
        if m["steps"]:
            console.print(
                t(
                    f"  skipped steps covered: {m['covered']} of {m['steps']}; symbols with two meanings: {m['symbols']}"
                )
            )
    for c in data["compared"]:
        console.print(
            t(f"{c['a']} (a) against {c['b']} (b), judged by {c['model']}: ", "bold").append(c["winner"])
        )
        console.print(t("  " + ", ".join(f"{k} {v}" for k, v in c["scores"].items())))
        for r in c["readings"]:
            console.print(t(f"  order {r['order']}: {r['winner']} — {r['raw']['overall']['reason']}"))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{k} {v}" for k, v in counts.items()) or "none"
