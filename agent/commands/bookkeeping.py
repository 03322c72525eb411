"""plan import, adopt, audit, cost: the books of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.commands.result import Result
from agent.report.show import as_data
from agent.workspace import Workspace

if TYPE_CHECKING:
    from agent.llm import Paid


def plan_import(ws: Workspace, files: Sequence[Path], *, write: bool) -> Result:
    from agent.books.documents import import_plan

    return Result("import", {**asdict(import_plan(ws, files, write=write)), "written": write})


def plan_propose(ws: Workspace, *, size: int) -> Result:
    from agent.books.propose import propose

    return Result("propose", as_data(propose(ws, size=size)))


def plan_accept(ws: Workspace, proposed: Mapping[str, Any]) -> None:
    """Write the proposal that was shown."""
    from agent.books.propose import write

    write(ws, proposed["batch"], proposed["text"])


def adopt(ws: Workspace, files: Sequence[Path], *, write: bool) -> Result:
    from agent.books.adopt import adopt as record

    return Result("adopt", {**as_data(record(ws, files, write=write)), "written": write})


def audit(ws: Workspace, files: Sequence[Path]) -> Result:
    """Claims that do not hold; exit code 1 when there is one."""
    from agent.books.audit import audit as compare

    rows = as_data(compare(ws, files))
    return Result("audit", rows, 1 if any(r["severity"] == "error" for r in rows) else 0)


def cost(ws: Workspace) -> Result:
    """What the stored calls cost, grouped five ways. A group with an unknown price has no sum."""
    from agent.commands.workspaces import stored
    from agent.llm import priced
    from agent.pipeline.names import role_of
    from agent.prompts import open_library

    with stored(ws) as ledger:
        rows = ledger.paid() if ledger else []
    library = open_library(ws.prompts)
    groups: dict[str, Callable[[Paid], str]] = {
        "article": lambda row: str(row.name.split("/")[0]),
        "section": lambda row: "/".join(row.name.split("/")[:2]),
        "role": lambda row: role_of(row.name, library),
        "model": lambda row: str(row.model),
        "day": lambda row: str(row.at[:10]) or "before days were kept",
    }
    price = priced(ws.config.prices.models)
    # Of single rows: some went in batch files, others did not.
    bills = [(row, price(row.model, row.usage)) for row in rows]
    data = {name: grouped(bills, key) for name, key in groups.items()}
    data["day"].sort(key=lambda row: str(row["name"]))
    total = grouped(bills, lambda row: "total")
    return Result("cost", {**data, "total": total[0] if total else _row("total")})


def grouped(bills: Sequence[tuple[Paid, float | None]], key: Callable[[Paid], str]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row, price in bills:
        group = found.setdefault(key(row), _row(key(row)))
        usage = row.usage
        group["calls"] += 1
        group["rejected"] += row.status == "rejected"
        group["prompt"] += usage.prompt
        group["cached"] += usage.cached
        group["completion"] += usage.completion
        group["cost"] = None if group["cost"] is None or price is None else round(group["cost"] + price, 6)
    return list(found.values())


def _row(name: str) -> dict[str, Any]:
    return {"name": name, "calls": 0, "rejected": 0, "prompt": 0, "cached": 0, "completion": 0, "cost": 0.0}
