"""The service's side of a batch: files and batches of an OpenAI-compatible endpoint, through the openai SDK."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from agent.errors import ModelError, Rejected
from agent.llm.openai import OpenAIModel

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")

ENDPOINT: Final = "/v1/chat/completions"
MARK = "expand_round"
"""Key of a batch's metadata that holds the round's ID."""
SKEW = timedelta(hours=1)
"""By which the service's clock and ours may differ when batches are looked through by time."""
A_PAGE = 100
OVER = ("completed", "failed", "expired", "cancelled")
"""States in which nothing more will come of a batch."""


class Gone(Rejected):
    """The service does not know a file or a batch, or knows nothing of batches at all."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a batch was refused as a whole."""

    code: str
    message: str
    line: int | None
    """Of the file, from 1; None where no one line is to blame."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the service says of a batch."""

    id: str
    status: str
    total: int = 0
    completed: int = 0
    failed: int = 0
    input: str = ""
    """ID of the file of calls."""
    output: str = ""
    """ID of the file of answers."""
    errors: str = ""
    """ID of the file of calls that were refused, or never run."""
    complaints: tuple[Complaint, ...] = ()

    @property
    def over(self) -> bool:
        return self.status in OVER


@dataclass(frozen=True, slots=True)
class Batches:
    """Files and batches behind one model. Every method raises errors of `agent.errors` alone."""

    model: OpenAIModel

    async def upload(self, name: str, data: bytes) -> str:
        """The ID of a new file."""
        file = await self._asked(lambda c: c.files.create(file=(name, data), purpose="batch"))
        return file.id

    async def create(self, file: str, round: str) -> Told:
        """A batch of the file's calls. They are paid for from here on."""
        return self._told(
            await self._asked(
                lambda c: c.batches.create(
                    input_file_id=file,
                    endpoint=ENDPOINT,
                    completion_window="24h",
                    metadata={MARK: round},
                )
            )
        )

    async def find(self, round: str, since: datetime) -> Told | None:
        """The batch of a round, if there is one; those made long before ``since`` are not looked at."""
        oldest = (since - SKEW).timestamp()

        async def search(client: AsyncOpenAI) -> Any:
            async for batch in client.batches.list(limit=A_PAGE):
                if (batch.metadata or {}).get(MARK) == round:
                    return batch
                if (batch.created_at or oldest) < oldest:
                    break  # newest first
            return None

        found = await self._asked(search)
        return None if found is None else self._told(found)

    async def look(self, batch: str) -> Told:
        return self._told(await self._asked(lambda c: c.batches.retrieve(batch)))

    async def results(self, told: Told) -> tuple[list[Any], bool]:
        """The lines of the files of results, in any order, and whether they came whole."""
        answers, whole = await self._lines(told.output)
        errors, clear = await self._lines(told.errors)
        return answers + errors, whole and clear and len(answers) >= told.completed

    async def _lines(self, file: str) -> tuple[list[Any], bool]:
        if not file:
            return [], True
        answer = await self._asked(lambda c: c.files.content(file))
        found: list[Any] = []
        torn = False
        # Not splitlines: JSON may hold U+2028 as it is.
        for line in answer.content.split(b"\n"):
            try:
                found += [json.loads(line)] if line.strip() else []
            except ValueError:
                torn = True
        return found, not torn

    async def forget(self, *files: str) -> None:
        """Delete files, as far as the service lets us: they are in the way of nothing but its limits."""
        for file in dict.fromkeys(files):
            if file:
                with suppress(ModelError):
                    await self._asked(lambda c, file=file: c.files.delete(file))  # type: ignore[misc]

    async def _asked(self, work: Callable[[AsyncOpenAI], Awaitable[T]]) -> T:
        client = await self.model.client()
        try:
            return await work(client)
        except Exception as error:
            failure = self.model.failure(error)
            if getattr(error, "status_code", None) == 404:
                failure = Gone(str(failure))
        failure.args = (f"{self.model.identity}: {failure}",)
        # Outside of the handler, as in OpenAIModel.send.
        raise failure

    def _told(self, batch: Any) -> Told:
        """Services that copy the protocol leave out fields."""
        counts = getattr(batch, "request_counts", None)
        problems = getattr(getattr(batch, "errors", None), "data", None) or ()
        return Told(
            id=batch.id,
            status=batch.status,
            total=getattr(counts, "total", None) or 0,
            completed=getattr(counts, "completed", None) or 0,
            failed=getattr(counts, "failed", None) or 0,
            input=getattr(batch, "input_file_id", None) or "",
            output=getattr(batch, "output_file_id", None) or "",
            errors=getattr(batch, "error_file_id", None) or "",
            complaints=tuple(
                Complaint(p.code or "", self.model.quoted(p.message or ""), p.line) for p in problems
            ),
        )
