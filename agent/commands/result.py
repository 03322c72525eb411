"""What a command gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.errors import UsageError


@dataclass(frozen=True, slots=True)
class Result:
    view: str
    """Name of the screen that shows the data."""
    data: Any
    """What `--json` prints: dataclasses, mappings, sequences, strings, numbers. None where nothing could be done, so
    that the errors are all there is."""
    code: int = 0
    """Exit code: 0 done, 1 done but falls short."""
    errors: tuple[UsageError, ...] = ()
    """Of files that could not be used; they are told beside the result of the others, and decide over the code."""
    raw: bytes | None = None
    """Bytes for stdout as they are (a diff, a stripped file); the screen is then not used."""
