"""Screens of many articles at once: what a batch will take, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.report.live import span
from agent.report.screens.common import t
from agent.report.screens.runs import within

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
        table.add_column(name, justify="left" if name in ("article", "target") else "right")
    for row in data["articles"]:
        wanted = row["targets"]
        target = f"{wanted['lines']}+ / {wanted['formulas']}+"
        table.add_row(t(row["slug"]), target, *_forecast(row["estimate"]))
    whole = data["total"]
    table.add_row(t("all together", "bold"), f"{whole['articles']} articles", *_forecast(whole))
    console.print(table)
    names = ", ".join(whole["models"]) or "no model"
    unknown = "; its price is not known" if whole["cost"] is None else ""
    slots = "in files, at the price of the batch API" if data["via"] else f"{whole['slots']} calls at a time"
    if whole["from"]:
        console.print(t(within(whole), "dim"))
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
        cost = "unknown" if row["cost"] is None else f"${row['cost']:.4f}"
        paid = (str(row["calls"]), cost) if row["calls"] else ("", "")
        table.add_row(t(word, style), t(row["title"]), got.get("lines", ""), got.get("formulas", ""), *paid)
    console.print(table)
    for row in data["articles"]:
        if row["error"]:
            console.print(t(f"  {row['slug']}: {row['error']}", "red"))
            if row["hint"]:
                console.print(t(f"    {row['hint']}", "dim"))
    cost = "cost unknown" if data["cost"] is None else f"${data['cost']:.4f}"
    console.print(t(f"{data['drafts']} drafts ({data['passed']} meet their targets), {data['calls']} calls, {cost}, "
                    f"{span(data['seconds'])}"))  # fmt: skip
    if data["left"]:
        console.print(t(f"{len(data['left'])} left: {', '.join(data['left'])}"))
        console.print(t(f"  go on with: expand batch {data['id']}"))
