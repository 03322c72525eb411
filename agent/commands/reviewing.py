"""Commands of a person who decides: diff, accept, reject, merge, undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from agent.commands.result import Result
from agent.commands.workspaces import update_report
from agent.errors import UsageError
from agent.workspace import State, Workspace, derive, hold, slug_of


def resolve(ws: Workspace, name: str) -> str:
    from agent.commands.expansion import find_article

    return slug_of(find_article(ws, name))


def diff(ws: Workspace, name: str) -> Result:
    """The unified diff of a draft, as `git apply` takes it."""
    slug = resolve(ws, name)
    path = ws.output(slug) / "diff.patch"
    if not path.is_file():
        raise UsageError(f"{slug} has no draft", hint=f"make one with: expand run {slug}")
    data = path.read_bytes()
    return Result("diff", {"slug": slug, "patch": data.decode("utf-8", "replace")}, raw=data)


def decide(ws: Workspace, name: str, sections: Sequence[str], *, accept: bool, note: str) -> Result:
    """Accept or reject sections of a draft; none named means all of them."""
    slug = resolve(ws, name)
    if not accept and not note.strip():
        raise UsageError("reject needs --note", hint="say what is wrong; the note enters the next prompts")
    with hold(ws.locks, f"{slug} decisions", wait=10.0):
        state = derive(ws.events.read()).get(slug, State())
        if state.status not in ("draft", "accepted"):
            raise UsageError(
                f"{slug} has no draft (it is {state.status})", hint=f"make one with: expand run {slug}"
            )
        all_ = list(state.data.get("sections", ()))
        unknown = [s for s in sections if s not in all_]
        if unknown:
            raise UsageError(f"{slug} has no section {unknown[0]}", hint="its sections: " + ", ".join(all_))
        if accept:
            ws.events.append("accepted", slug, sections=list(sections) or all_, of=all_, note=note)
        else:
            ws.events.append("rejected", slug, sections=list(sections), of=all_, note=note)
        state = derive(ws.events.read())[slug]
    update_report(ws)
    undecided = [s for s in all_ if s not in state.sections]
    return Result(
        "decided",
        {"slug": slug, "status": state.status, "sections": dict(state.sections), "undecided": undecided},
    )


def merge(ws: Workspace, names: Sequence[str]) -> Result:
    from agent.merge import merge as merge_one

    rows: list[dict[str, Any]] = []
    for name in names:
        rows.append(asdict(merge_one(ws, resolve(ws, name))))
    update_report(ws)
    return Result("merged", rows)


def undo(ws: Workspace, name: str) -> Result:
    from agent.merge import undo as undo_one

    slug = resolve(ws, name)
    file = undo_one(ws, slug)
    update_report(ws)
    return Result("undone", {"slug": slug, "file": file})
