"""Writing a part again that a person sent back, and keeping what a person wrote by hand.

A redo is the last thing that happens to a part: everything before it is answered out of the ledger, so only the
part itself and what is written from the finished parts (opening map, summary) can be asked anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.errors import UsageError
from agent.llm import Model, Recorded
from agent.pipeline.assemble import Section
from agent.pipeline.packs import Pack, join
from agent.pipeline.records import Part
from agent.records import EXPERIMENT_ID, Call, Reply

if TYPE_CHECKING:
    from agent.pipeline.job import Job, Shared
    from agent.pipeline.writer import Draft, Plan

FOLDED = re.compile(rf"\n*<details><summary>{EXPERIMENT_ID} 的程序与输出.*\Z", re.S)
"""Code and output that the program put at the end of an experiment's part."""


@dataclass(frozen=True, slots=True)
class Redo:
    """What a person wants done differently with one section."""

    number: int
    """How often the section was sent back; in the name of its calls."""
    note: str
    """All that was said about it, oldest first."""
    old: str
    """The text that was sent back, bound values in place."""

    @property
    def shown(self) -> str:
        """The old text as its writer had written it, without what the program added."""
        return FOLDED.sub("", self.old)


async def redo_parts(job: Job, shared: Shared, plan: Plan, drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts with every part written again that was sent back, each in a call of its own.

    Raises BadReply, ContextOverflow, NotRecorded or NotRun when one cannot be written: the draft on disk then stays.
    """
    found = list(drafts)
    for id, redo in job.redos.items():
        at = next((n for n, d in enumerate(found) if any(p.id == id for p in d.pack.parts)), None)
        if at is not None:
            found[at : at + 1] = await _one(job, shared, plan, found[at], id, redo)
    return found


async def _one(job: Job, shared: Shared, plan: Plan, draft: Draft, id: str, redo: Redo) -> list[Draft]:
    from agent.pipeline.writer import rewrite_pack

    job.tell("stage", f"重写 {id}")
    parts = draft.pack.parts
    at = next(n for n, p in enumerate(parts) if p.id == id)
    own = replace(job, client=job.live or job.client, notes={id: redo.note}, old={id: redo.shown})
    fresh = await rewrite_pack(own, shared, plan, Pack(draft.pack.chapter, (parts[at],)), redo.number)
    around = [_narrowed(draft, parts[:at]), fresh, _narrowed(draft, parts[at + 1 :])]
    return [d for d in around if d is not None]


def _narrowed(draft: Draft, parts: tuple[Part, ...]) -> Draft | None:
    """The draft of some of a pack's parts."""
    if not parts:
        return None
    texts = draft.texts
    text = join([(p.id, texts[p.id]) for p in parts]) if texts else ""
    return replace(draft, pack=Pack(draft.pack.chapter, parts), text=text, findings=())


def with_edits(sections: Sequence[Section], edits: Mapping[str, str]) -> list[Section]:
    """Sections with the text a person gave them, which stands over anything a model wrote before it."""
    return [replace(s, text=edits[s.id]) if s.id in edits else s for s in sections]


class StoredOnly:
    """A model that is not asked: a redo must find the calls of all other sections in the ledger."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def spec(self) -> str:
        return self._model.spec

    @property
    def identity(self) -> str:
        return self._model.identity

    @property
    def context_window(self) -> int | None:
        return self._model.context_window

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        """Send what depends on the section that is redone. Raises UsageError for any other call."""
        # A recording costs nothing and may lack what the draft lacked too.
        if isinstance(self._model, Recorded) or call.name.split("/")[1] in ("map", "summary"):
            return await self._model.send(call, on_token=on_token)
        raise UsageError(
            f"the redo would ask for {call.name} again: the model, the prompts or the settings are no longer those of the draft",
            hint="name the draft's model with --model, or run the whole article again: expand run SLUG",
        )

    async def aclose(self) -> None:
        await self._model.aclose()
