"""Reading JSON out of a reply, with a reason that helps the model when it cannot be read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from agent.errors import Malformed

T = TypeVar("T")

_FENCE = re.compile(r"^[ ]{0,3}```[ \t]*(?:json|JSON|jsonc)?[ \t]*\n(.*?)^[ ]{0,3}```[ \t]*$", re.S | re.M)
_LOST_BACKSLASH = re.compile(r"[\t\b\f\v\r\a](?=[A-Za-z])|\n(?=abla\b|otin\b|exists\b|eq[ \\])")
"""``"\\theta"`` where ``"\\\\theta"`` was meant arrives as TAB and "heta"; likewise \\beta, \\frac, \\rho. A
line break is mostly meant, so that only what is no word after it tells: \\nabla, \\notin, \\nexists,
\\neq."""

PROBLEMS_SHOWN = 5
"""A model mends a few places at a time better than a long list."""


def parse_json(text: str, schema: Mapping[str, Any] | None = None) -> Any:
    """The one JSON value of a reply; a fence or a sentence around it is tolerated.

    Raises Malformed with the line, or the path, of what is wrong; also where a lone backslash in front of TeX
    became a control character (``"\\theta"`` in the JSON is a TAB and "heta").
    """
    value = _value(text)
    found = list(_lost_backslashes(value, "$"))
    if not found and schema is not None:
        found = list(_violations(value, schema))
    if found:
        more = f"; and {len(found) - PROBLEMS_SHOWN} more" if len(found) > PROBLEMS_SHOWN else ""
        raise Malformed("; ".join(found[:PROBLEMS_SHOWN]) + more)
    return value


def json_parser(schema: Mapping[str, Any], build: Callable[[Any], T]) -> Callable[[str], T]:
    """A ``Request.parse`` for JSON: text → value that satisfies the schema → ``build(value)``."""
    return lambda text: build(parse_json(text, schema))


def _value(text: str) -> Any:
    """Tries the whole text, then what stands in a fence, then from the first bracket on."""
    first: json.JSONDecodeError | None = None
    for candidate in _candidates(text):
        try:
            return _load(candidate)
        except json.JSONDecodeError as error:
            # The most telling complaint is the one about the text that looks most like JSON.
            first = first if first is not None and first.pos >= error.pos else error
        except RecursionError:
            raise Malformed("nested too deeply") from None
        except ValueError as error:
            raise Malformed(str(error)) from None
    if first is None or first.pos == 0:
        raise Malformed("the reply holds no JSON value")
    raise Malformed(_complaint(first)) from first


def _candidates(text: str) -> Iterator[str]:
    stripped = text.strip().removeprefix("\ufeff")
    yield stripped
    for fence in _FENCE.finditer(text):
        yield fence.group(1).strip()
    starts = [i for i in (stripped.find("{"), stripped.find("[")) if i > 0]
    for start in sorted(starts):
        yield stripped[start:]
    if stripped[:1] in "{[":
        # A value with a sentence after it.
        yield _outer(stripped)
    for start in sorted(starts):
        yield _outer(stripped[start:])


def _outer(text: str) -> str:
    """From an opening bracket to the last closing one of its kind."""
    closing = {"{": "}", "[": "]"}.get(text[:1], "")
    return text[: text.rfind(closing) + 1] if closing else ""


def _load(text: str) -> Any:
    # strict=False lets raw newlines stand in strings: models write them, and their meaning is plain.
    return json.loads(text, strict=False, parse_constant=_no_constant, parse_float=_finite)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise Malformed(f"{digits} is too large a number")
    return number


def _no_constant(name: str) -> Any:
    raise Malformed(f"{name} is not a JSON value")


def _complaint(error: json.JSONDecodeError) -> str:
    near = error.doc[max(0, error.pos - 20) : error.pos + 20].replace("\n", "⏎")
    hint = ""
    if "escape" in error.msg:
        hint = " (in a JSON string every backslash of TeX is written twice)"
    return f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}, near {near!r}{hint}"


def _lost_backslashes(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str):
        for found in _LOST_BACKSLASH.finditer(value):
            near = value[found.start() : found.start() + 12]
            yield (
                f"{path}: control character in {near!r}: a lone backslash was read as an escape; "
                "write every backslash of TeX twice"
            )
            return
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _lost_backslashes(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _lost_backslashes(item, f"{path}[{index}]")


def _violations(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    from jsonschema import Draft202012Validator

    errors = Draft202012Validator(dict(schema)).iter_errors(value)
    for error in sorted(errors, key=lambda e: ([str(part) for part in e.absolute_path], e.message)):
        message = error.message if len(error.message) <= 200 else error.message[:197] + "…"
        yield f"{error.json_path}: {message}"
