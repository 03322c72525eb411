"""Lines of results of a batch, in whatever order and state they come → one result a call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


def id_of(key: str) -> str:
    """``custom_id`` of a call: the digest of its ledger key. Services take 64 characters, and the digest has just so
    many."""
    return key.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Result:
    """What a batch says of one call."""

    status: int
    """Of HTTP, as if it had been sent by itself; 0: it never ran."""
    body: Any = None
    """The answer's, as JSON."""
    reason: str = ""
    """Why it never ran."""

    @property
    def answered(self) -> bool:
        return self.status == 200 and isinstance(self.body, dict)


def sorted_out(lines: Iterable[Any], keys: Sequence[str]) -> dict[str, Result]:
    """Result by ledger key. Lines of unknown calls are passed over; of two lines of one call an answer goes before an
    error, and the first before the second. What has no line is missing in what is given."""
    known = {id_of(key): key for key in keys}
    found: dict[str, Result] = {}
    for line in lines:
        if not isinstance(line, dict):
            continue
        id = line.get("custom_id")
        key = known.get(id) if isinstance(id, str) else None
        if key is None:
            continue
        result = _result(line)
        if key not in found or (result.answered and not found[key].answered):
            found[key] = result
    return found


def _result(line: dict[str, Any]) -> Result:
    response, error = line.get("response"), line.get("error")
    if isinstance(response, dict) and isinstance(response.get("status_code"), int):
        return Result(response["status_code"], response.get("body"))
    said = error if isinstance(error, dict) else {}
    reason = said.get("message") or said.get("code") or "the batch has no answer to it"
    return Result(0, reason=str(reason))
