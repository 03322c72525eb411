"""Putting an article back to what it was before its last merge."""

from __future__ import annotations

from agent.errors import SourceChanged, UsageError
from agent.merge import journal as journals
from agent.merge.apply import article_path
from agent.workspace import State, Workspace, derive, hold, write_bytes


def undo(ws: Workspace, slug: str) -> str:
    """Restore the bytes, figures too; gives the article's path below the workspace.

    Raises UsageError where no merge stands, SourceChanged (exit 5) when the article was edited since.
    """
    with hold(ws.locks, slug):
        path = article_path(ws, slug)
        file = path.relative_to(ws.root).as_posix()
        done = journals.recover(ws, slug, path)
        state = derive(ws.events.read()).get(slug, State())
        if done.startswith("an undo"):
            return file
        journal = journals.of_merge(ws, slug, state.merged) if state.merged else None
        if journal is None:
            raise UsageError(
                f"{slug} was not merged by this workspace", hint="git restore brings back a committed file"
            )
        if journals.sha256(path.read_bytes()) != journal.plan["after"]:
            raise SourceChanged(
                f"{file} was edited after the merge",
                hint=f"expand strip {file} shows the author's text as it is now",
            )
        write_bytes(path, journal.before)
        journals.finish_undo(ws, slug, journal)
        return file
