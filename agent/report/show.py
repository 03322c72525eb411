"""One place renders every result: as a screen for a person, or as JSON for a program."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, is_dataclass
from typing import Any


def render(view: str, data: Any, raw: bytes | None, as_json: bool) -> None:
    """Print a command's result on stdout. ``raw`` bytes go out as they are."""
    if as_json:
        print(to_json(data))
    elif raw is not None:
        sys.stdout.flush()
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
    else:
        from agent.report.screens import screen

        screen(view, data)


def to_json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1, default=_plain)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    raise TypeError(f"not JSON: {type(value).__name__}")
