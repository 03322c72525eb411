"""``replay:FILE``: answers out of a recording, found by name and attempt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent.errors import NotRecorded
from agent.llm.keys import prompt_hash
from agent.llm.model import ModelSettings
from agent.llm.recording import Recorded, read_lines
from agent.records import Call, Reply


class ReplayModel:
    """Several answers to one name and attempt may be recorded: the one to this very prompt is taken, else
    the last.

    Raises UnusableSpec on opening a file that is not there or not a recording.
    """

    identity = "replay"
    context_window: int | None = None

    def __init__(self, spec: str, name: str, settings: ModelSettings) -> None:
        self.spec = spec
        self._file = Path(name).expanduser()
        self._answers: dict[tuple[str, int], list[Recorded]] = {}
        for line in read_lines(self._file):
            self._answers.setdefault((line.name, line.attempt), []).append(line)

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        """Raises NotRecorded where the recording has no answer to this name and attempt."""
        found = self._found(call)
        if found is None:
            raise NotRecorded(
                f"{call.name}: {self._file.name} holds no answer to attempt {call.attempt}",
                hint="run it with a model: --model openai:NAME",
            )
        return found.reply

    def differs(self, call: Call) -> bool:
        """True where the recorded answer was given to another prompt."""
        found = self._found(call)
        return found is not None and found.prompt not in ("", prompt_hash(call))

    def holds(self, name: str) -> bool:
        return any(known.startswith(name) for known, _ in self._answers)

    async def aclose(self) -> None:
        """Nothing is open."""

    def _found(self, call: Call) -> Recorded | None:
        answers = self._answers.get((call.name, call.attempt), [])
        if len(answers) > 1:
            asked = prompt_hash(call)
            answers = [a for a in answers if a.prompt == asked] or answers
        return answers[-1] if answers else None
