"""Reading JSON out of a reply, with a reason that helps the model when it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def parse_json(text: str, schema: Mapping[str, Any] | None = None) -> Any:
    """The one JSON value of a reply; a fence or a sentence around it is tolerated.

    Raises Malformed with the line, or the path, of what is wrong; also where a lone backslash in front of TeX
    became a control character (``"\\theta"`` written as ``"\theta"`` is a TAB and "heta").
    """
    raise NotImplementedError


def json_parser(schema: Mapping[str, Any], build: Callable[[Any], T]) -> Callable[[str], T]:
    """A ``Request.parse`` for JSON: text → value that satisfies the schema → ``build(value)``."""
    raise NotImplementedError
