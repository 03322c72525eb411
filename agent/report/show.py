"""One place renders every result: as a screen for a person, or as JSON for a program."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from agent.report.plain import CONTROL, plain


def render(view: str, data: Any, raw: bytes | None, as_json: bool) -> None:
    """Print a command's result on stdout. ``raw`` bytes go out as they are, but to a terminal made plain."""
    if as_json:
        print(to_json(data))
    elif raw is not None:
        if sys.stdout.isatty():
            raw = plain(raw.decode("utf-8", "replace")).encode()
        sys.stdout.flush()
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
    else:
        from agent.report.screens import screen

        screen(view, data)


def aside(text: str) -> None:
    """Tell a person, on stderr, what is no part of the result."""
    print(plain(text), file=sys.stderr)


def to_json(data: Any, *, indent: int | None = 1) -> str:
    """JSON that is legible, and moves no cursor where a terminal shows it: controls beyond ASCII are escaped too."""
    return CONTROL.sub(_escaped, json.dumps(data, ensure_ascii=False, indent=indent, default=_plain))


def _escaped(control: re.Match[str]) -> str:
    return f"\\u{ord(control[0]):04x}"


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return list(value)
    data = as_data(value)
    if data is value:
        raise TypeError(f"not JSON: {type(value).__name__}")
    return data


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
