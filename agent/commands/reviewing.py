"""Commands of a person who decides: diff, review, accept, reject, redo, merge, undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from agent.commands.result import Result
from agent.commands.workspaces import refresh_report, reported
from agent.errors import UsageError
from agent.pipeline.run import Watch
from agent.review import decide as review
from agent.workspace import Workspace, slug_of


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


def decide(
    ws: Workspace, name: str, sections: Sequence[str], *, accept: bool, note: str, with_errors: bool = False
) -> Result:
    """Accept or reject sections of a draft; none named means all of them. ``with_errors`` accepts those too in which
    the checks found errors."""
    slug = resolve(ws, name)
    if accept:
        standing = review.accept(ws, slug, sections, note=note, unseen=not with_errors)
    else:
        standing = review.reject(ws, slug, sections, note=note)
    refresh_report(ws)
    return Result("decided", asdict(standing))


def redo(ws: Workspace, name: str, section: str, *, note: str, spec: str | None, watch: Watch) -> Result:
    """Write a section again with a note; without one, what an earlier redo left waiting."""
    from agent.review.redo import redo as redo_one

    slug = resolve(ws, name)
    with reported(ws):
        done = redo_one(ws, slug, section, note=note, spec=spec, watch=watch)
    return Result("finished", [done.report], 0 if done.passed else 1)


def drafts(ws: Workspace) -> Result:
    """The drafts that wait for a person."""
    from agent.review.dossier import waiting

    return Result("drafts", waiting(ws))


def merge(
    ws: Workspace, names: Sequence[str], *, commit: bool, branch: str | None, overwrite: Sequence[str] = ()
) -> Result:
    """Merge the accepted sections of each draft; with ``commit``, one commit each."""
    from agent.merge import merge as merge_one

    rows: list[dict[str, Any]] = []
    for name in names:
        slug = resolve(ws, name)
        done = merge_one(
            ws, slug, commit=commit, branch=branch, overwrite=overwrite, refresh=lambda: refresh_report(ws)
        )
        branch = done.branch or branch
        rows.append(asdict(done))
    return Result("merged", rows)


def undo(ws: Workspace, name: str) -> Result:
    from agent.merge import undo as undo_one

    slug = resolve(ws, name)
    file = undo_one(ws, slug)
    refresh_report(ws)
    return Result("undone", {"slug": slug, "file": file})
