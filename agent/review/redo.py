"""Having a section written again: the note, then the pipeline over stored replies."""

from __future__ import annotations

from agent.errors import UsageError
from agent.pipeline.run import Finished, Watch, run_article
from agent.review.decide import send_back, state_of
from agent.workspace import Workspace


def redo(
    ws: Workspace, slug: str, section: str = "", *, note: str = "", spec: str | None = None, watch: Watch
) -> Finished:
    """Send a section back and write it again; without one, write again what an earlier redo left waiting.

    Only this section's calls are asked for, with the note and the old text in the prompt. Raises UsageError where
    there is nothing to do or another section's calls would be asked again, and what `run_article` raises; the draft
    on disk then stays as it was, and the section keeps waiting.
    """
    path = ws.slugs()[slug]
    if section:
        send_back(ws, slug, section, note=note)
    elif not state_of(ws, slug).waiting:
        raise UsageError(
            f"{slug} has no section waiting to be written again", hint="name one: expand redo SLUG SECTION"
        )
    return run_article(ws, path, spec=spec, watch=watch, redo=True)
