"""Which calls are with a batch API: append-only ``outputs/batches.jsonl``.

A round (one file of calls) is written down before it is sent, so that a run killed at any point knows what may be
with the service. One JSON object a line, with ``at``, ``event`` and ``round``:

    opened     model, keys: these calls (ledger keys, in the order of the file) are about to be sent
    uploaded   file: the file's ID at the service
    created    batch: the batch's ID; from now on the calls are paid for
    ended      why: all of its answers are stored, or none will come
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.errors import LedgerError, UsageError
from agent.llm.ledger import utc_now
from agent.workspace.files import append_line, sync_folder


@dataclass(frozen=True, slots=True)
class Round:
    """One file of calls."""

    id: str
    """Ours; stands in the batch's metadata, by which a batch is found again whose ID was never written down."""
    model: str
    """Identity of the model: a file holds calls to one."""
    keys: tuple[str, ...]
    """Ledger keys, in the order of the file's lines."""
    at: datetime
    file: str = ""
    batch: str = ""
    ended: str = ""


@dataclass(slots=True)
class Journal:
    """Every round of a workspace. Belongs to one process at a time.

    Raises LedgerError for a file that cannot be read or written: what is sent could be paid for twice.
    """

    path: Path
    now: Callable[[], datetime] = utc_now
    rounds: dict[str, Round] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self._entries():
            self._note(entry)

    def outstanding(self, model: str = "") -> list[Round]:
        """Rounds whose answers are not all stored, oldest first."""
        return [r for r in self.rounds.values() if not r.ended and model in ("", r.model)]

    def opened(self, model: str, keys: tuple[str, ...]) -> Round:
        return self._append("opened", uuid.uuid4().hex, model=model, keys=list(keys))

    def uploaded(self, round: Round, file: str) -> Round:
        return self._append("uploaded", round.id, file=file)

    def created(self, round: Round, batch: str) -> Round:
        return self._append("created", round.id, batch=batch)

    def ended(self, round: Round, why: str) -> Round:
        return self._append("ended", round.id, why=why)

    def _append(self, event: str, id: str, **data: Any) -> Round:
        entry = {"at": self.now().isoformat(timespec="seconds"), "event": event, "round": id, **data}
        new = not self.path.exists()
        try:
            append_line(self.path, json.dumps(entry))
        except UsageError as error:
            raise LedgerError(str(error), hint=error.hint) from error
        if new:
            sync_folder(self.path.parent)
        return self._note(entry)

    def _note(self, entry: Mapping[str, Any]) -> Round:
        id = str(entry["round"])
        if entry["event"] == "opened":
            at = datetime.fromisoformat(entry["at"])
            self.rounds[id] = Round(id, str(entry["model"]), tuple(entry["keys"]), at)
        else:
            said = {name: str(entry.get(name, "")) for name in ("file", "batch")}
            known = self.rounds[id]
            self.rounds[id] = replace(
                known,
                file=said["file"] or known.file,
                batch=said["batch"] or known.batch,
                ended=str(entry.get("why", known.ended)),
            )
        return self.rounds[id]

    def _entries(self) -> Iterator[Mapping[str, Any]]:
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise LedgerError(f"{self.path}: {error.strerror}") from None
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line) if line.strip() else None
            except ValueError:
                # What a power loss cut off was not yet acted upon: each line is on the disk before the next step.
                continue
            if entry is None:
                continue
            if not self._fits(entry):
                raise LedgerError(
                    f"{self.path}:{number}: not a line of this file",
                    hint="restore it from a backup; without the file, calls that wait at the service are paid for again",
                )
            yield entry

    def _fits(self, entry: Any) -> bool:
        if not isinstance(entry, dict) or not {"at", "event", "round"} <= entry.keys():
            return False
        if entry["event"] == "opened":
            return isinstance(entry.get("keys"), list) and "model" in entry
        return entry["event"] in ("uploaded", "created", "ended") and entry["round"] in self.rounds
