"""What a command gives back."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from functools import cache
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


def as_data(value: Any) -> Any:
    """As `dataclasses.asdict` gives it, without copying what cannot change: thousands of records take a fifth of the
    time."""
    if type(value) in _ATOMS:
        return value
    names = _names(type(value))  # type: ignore[arg-type]  # mypy takes no class to be hashable
    if names is not None:
        # Most fields are atoms, and a call for each of them is most of the time.
        return {n: v if type(v := getattr(value, n)) in _ATOMS else as_data(v) for n in names}
    if isinstance(value, dict):
        return {key: as_data(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(map(as_data, value))
    return value


_ATOMS = frozenset((str, int, bool, float, type(None)))


@cache
def _names(kind: type) -> tuple[str, ...] | None:
    """Fields of a dataclass, None of anything else."""
    return tuple(f.name for f in fields(kind)) if is_dataclass(kind) else None
