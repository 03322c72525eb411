"""What a command gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    view: str
    """Name of the screen that shows the data."""
    data: Any
    """What `--json` prints: dataclasses, mappings, sequences, strings, numbers."""
    code: int = 0
    """Exit code: 0 done, 1 done but falls short."""
    raw: bytes | None = None
    """Bytes for stdout as they are (a diff, a stripped file); the screen is then not used."""
