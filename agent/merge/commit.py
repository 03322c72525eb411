"""One well-formed commit for one merged article."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import UsageError
from agent.merge.journal import FOLDER
from agent.workspace import Workspace, git
from agent.workspace.state import State, derive

if TYPE_CHECKING:
    from agent.merge.apply import Merged

WIDTH = 72


def require(ws: Workspace) -> None:
    """Raise UsageError where nothing can be committed, before anything is written."""
    if not git.tracked(ws.root):
        raise UsageError(
            f"{ws.root} is not in a git repository with a commit",
            hint="git init && git commit, or leave out --commit",
        )


def switch(ws: Workspace, slug: str, branch: str) -> str:
    """Go to a branch of its own, made from where the work tree is; gives its name."""
    name = branch or f"expand/{branch_part(slug)}"
    if git.branch(ws.root) != name:
        git.switch_new(ws.root, name)
    return name


def branch_part(slug: str) -> str:
    """A slug as a part of a branch's name (git-check-ref-format)."""
    kept = "".join("-" if c in " ~^:?*[\\" or ord(c) < 32 else c for c in slug)
    return kept.replace("..", "-").replace("@{", "-").strip("./-").removesuffix(".lock") or "article"


def commit(ws: Workspace, merged: Merged, branch: str) -> Merged:
    """Commit the article, its figures, the evidence and the books; nothing else that may be staged."""
    wanted = [
        ws.root / merged.file,
        *(ws.root / f for f in merged.figures),
        ws.report,
        ws.events.path,
        # What an undo needs is of this machine, not of the history.
        *(p for p in ws.output(merged.slug).iterdir() if p.name != FOLDER),
    ]
    paths = git.unignored(ws.root, [p for p in wanted if p.exists()])
    if not paths or not git.changed(ws.root, paths):
        return replace(merged, branch=branch)
    id = git.commit(ws.root, paths, message(ws, merged))
    return replace(merged, commit=id, branch=branch)


def message(ws: Workspace, merged: Merged) -> str:
    """Subject of at most 72 characters, a body that says what was measured, trailers for programs."""
    from agent.article import read

    before, after = merged.before, merged.after
    grown = f": +{after['lines'] - before['lines']} lines, +{after['formulas'] - before['formulas']} formulas"
    title = read((ws.root / merged.file).read_bytes(), Path(merged.file).name).title
    subject = f"Expand {_cut(title, WIDTH - len('Expand ') - len(grown))}{grown}"
    facts = [
        f"{merged.file}: {before['lines']} → {after['lines']} lines, {before['formulas']} → {after['formulas']} display formulas.",
        f"Sections: {', '.join(merged.sections)}.",
    ]
    if merged.left_out:
        facts.append(f"Left out: {', '.join(merged.left_out)}.")
    if merged.kept:
        facts.append(f"Kept as edited by hand: {', '.join(merged.kept)}.")
    state = derive(ws.events.read()).get(merged.slug, State())
    body = "\n".join(textwrap.fill(f, WIDTH, break_long_words=False, break_on_hyphens=False) for f in facts)
    return f"{subject}\n\n{body}\n\nExpand-Slug: {merged.slug}\nExpand-Source-SHA256: {state.merged.get('sha256_source', '')}\n"


def _cut(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"
