"""Having a section written again: the note, then the pipeline over stored replies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agent.errors import NotConfigured, UsageError
from agent.llm import Model, Recorded
from agent.pipeline.models import open_models
from agent.pipeline.run import Finished, Watch, run_article
from agent.review.decide import send_back, state_of
from agent.workspace import Workspace


def redo(
    ws: Workspace, slug: str, section: str = "", *, note: str = "", spec: str | None = None, watch: Watch
) -> Finished:
    """Send a section back and write it again; without one, write again what an earlier redo left waiting.

    Only this section's calls are asked for, with the note and the old text in the prompt. Raises NotConfigured, before
    anything is sent back, where no model can write it; UsageError where there is nothing to do or another section's
    calls would be asked again, and what `run_article` raises; the draft on disk then stays as it was, and the section
    keeps waiting.
    """
    path = ws.slugs()[slug]
    waiting = state_of(ws, slug).waiting
    if not section and not waiting:
        raise UsageError(
            f"{slug} has no section waiting to be written again", hint="name one: expand redo SLUG SECTION"
        )
    require_model(ws, slug, (section, *waiting) if section else waiting, spec)
    if section:
        send_back(ws, slug, section, note=note)
    return run_article(ws, path, spec=spec, watch=watch, redo=True)


def require_model(ws: Workspace, slug: str, sections: Sequence[str], spec: str | None) -> None:
    """Raise NotConfigured where the model of a redo cannot be opened, or is a recording that holds no redo of one of
    ``sections``: sent back, it would wait for ever."""
    state = state_of(ws, slug)

    async def ask() -> None:
        opened: dict[str, Model] = {}
        try:
            models = open_models(ws, slug, spec or state.drafted.get("spec"), opened=opened)
            for section in sections:
                number = state.redos.get(section, 0) + (section not in state.waiting)
                name = f"{slug}/{section}/rewrite.{number}"
                if any(isinstance(m, Recorded) and not m.holds(name) for m in models.by_role.values()):
                    raise NotConfigured(
                        f"{slug}: nobody would write {section} again, {models.note or 'a recording answers'}",
                        hint=f"name a model with --model; the text that stands is kept by: expand accept {slug} {section}",
                    )
        finally:
            for model in opened.values():
                await model.aclose()

    asyncio.run(ask())
