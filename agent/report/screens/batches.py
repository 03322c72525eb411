"""Screens of many articles at once: what a batch will take, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from agent.report.live import span
from agent.report.screens.common import t
from agent.report.screens.runs import within
from agent.report.words import counted, dollars

ENDINGS = {
    "failed": ("failed", "red"),
    "budget": ("stopped by a cap", "yellow"),
    "locked": ("another process has it", "dim"),
    "left": ("left for the next run", "dim"),
}


def show_forecast(console: Console, data: Mapping[str, Any]) -> None:
    """What a batch will take, article by article, and all together."""
    table = Table(box=None, pad_edge=False)
    for name in ("article", "target", "calls", "stored", "prompt", "reply", "cost", "time"):
        # A name is folded, never cut: it tells the rows apart, and is typed. A number is neither.
        side: Literal["left", "right"] = "left" if name in ("article", "target") else "right"
        table.add_column(name, justify=side, no_wrap=name != "article", overflow="fold")
    for row in data["articles"]:
        wanted = row["targets"]
        target = f"{wanted['lines']}+ / {wanted['formulas']}+"
        table.add_row(t(row["slug"]), target, *_forecast(row["estimate"]))
    whole = data["total"]
    table.add_row(t("all together", "bold"), counted(whole["articles"], "article"), *_forecast(whole))
    console.print(table)
    names = ", ".join(whole["models"]) or "no model"
    unknown = "; its price is not known" if whole["cost"] is None else ""
    slots = "in files, at the price of the batch API" if data["via"] else f"{whole['slots']} calls at a time"
    if whole["from"]:
        console.print(t(within(whole), "dim"))
    for problem in reasons(data["articles"], "problem"):
        console.print(t(f"as things are it would not start: {problem}", "yellow"))
    console.print(t(f"with {names}, {slots}{unknown}; stored replies are not paid for again"))


def _forecast(guess: Mapping[str, Any]) -> list[str]:
    cost = "unknown" if guess["cost"] is None else f"${guess['cost']:.2f}"
    tokens = (f"{guess[name]:,}" for name in ("prompt_tokens", "completion_tokens"))
    return [str(guess["calls"]), str(guess["stored"]), *tokens, cost, span(guess["seconds"])]


def show_batch(console: Console, data: Mapping[str, Any]) -> None:
    """What became of each article, and what is left."""
    table = Table(box=None, pad_edge=False)
    for name in ("state", "article", "lines", "formulas", "calls", "cost"):
        table.add_column(name, justify="left" if name in ("state", "article") else "right")
    for row in data["articles"]:
        met = "meets its targets" if row["verdict"] == "pass" else "falls short"
        word, style = ENDINGS.get(row["ending"], (met, "green" if row["verdict"] == "pass" else "yellow"))
        got = {x["name"]: f"{x['got']} of {x['wanted']}" for x in row["targets"]}
        paid = (str(row["calls"]), dollars(row["cost"], "unknown")) if row["calls"] else ("", "")
        table.add_row(t(word, style), t(row["title"]), got.get("lines", ""), got.get("formulas", ""), *paid)
    console.print(table)
    _errors(console, data["articles"])
    met = f"{data['passed']} {'meets its' if data['passed'] == 1 else 'meet their'} targets"
    console.print(t(f"{counted(data['drafts'], 'draft')} ({met}), {counted(data['calls'], 'call')}, "
                    f"{dollars(data['cost'])}, {span(data['seconds'])}"))  # fmt: skip
    if data["left"]:
        console.print(t(f"{len(data['left'])} left: {', '.join(data['left'])}"))
        console.print(t(f"  go on with: {data['again']}"))


def _errors(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """What ended articles, and what to do once, below all that it is true of."""
    for hint in dict.fromkeys(row["hint"] for row in rows if row["error"]):
        for line in reasons([row for row in rows if row["hint"] == hint], "error"):
            console.print(t(f"  {line}", "red"))
        for line in hint.splitlines():
            console.print(t(f"    {line}", "dim"))


def reasons(rows: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    """Why articles failed or would not start; what is true of several is said once."""
    slugs: dict[str, list[str]] = {}
    for row in rows:
        if row[kind]:
            why = re.sub(rf"^{re.escape(row['slug'])}(/\S+)?: ", "", row[kind])
            slugs.setdefault(why, []).append(row["slug"])
    return [f"{s[0] if len(s) == 1 else counted(len(s), 'article')}: {why}" for why, s in slugs.items()]
