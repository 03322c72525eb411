"""The recording format: what ``Ledger.export`` writes and ``replay:`` reads.

One JSON object a line (UTF-8, fields in this order):

    name           of the call
    attempt        from 0
    prompt         hash of what was asked (``keys.prompt_hash``): a changed prompt is noticed
    model          vendor and name, for people; no endpoint, no path
    status         ok, rejected or unjudged, for people: a replay judges again
    problem        of a rejected reply
    finish_reason  stop, length, refused or error
    usage          {prompt, cached, completion, counted}, and written where the vendor billed for caching
    text           of the reply

A program may write one by hand: name and text suffice.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path, PurePath
from typing import Any, get_args

from agent.errors import UnusableSpec
from agent.llm.identities import split
from agent.llm.keys import prompt_hash
from agent.llm.ledger_rows import Row
from agent.records import Call, FinishReason, Reply, Usage
from agent.workspace import write_text

LARGEST = 2**63 - 1
"""That SQLite holds."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of a recording."""

    name: str
    attempt: int
    prompt: str
    """Empty where the line does not say; then every prompt fits."""
    reply: Reply


def line_of(row: Row, call: Call) -> str:
    """The line of one row, without its newline."""
    use = row.reply.usage
    return json.dumps(
        {
            "name": row.name,
            "attempt": row.attempt,
            "prompt": prompt_hash(call),
            "model": public_name(row.model),
            "status": row.status,
            "problem": row.problem,
            "finish_reason": row.reply.finish_reason,
            "usage": {
                "prompt": use.prompt,
                "cached": use.cached,
                "completion": use.completion,
                "counted": use.counted,
                **({"written": use.written} if use.written else {}),
            },
            "text": row.reply.text,
        },
        ensure_ascii=False,
    )


def public_name(identity: str) -> str:
    """Vendor and name of a model, without what tells of the machine: endpoint, folders, arguments."""
    vendor, _, name = identity.partition(":")
    if vendor == "command":
        words = shlex.split(name) or [""]
        return f"command:{PurePath(words[0]).name}"
    if vendor == "local":
        return f"local:{PurePath(name).name}"
    return split(identity).public


def write_lines(file: Path, lines: Iterable[str]) -> None:
    """The whole file or nothing. Raises UsageError where it cannot be written."""
    write_text(file, "".join(f"{line}\n" for line in lines))


def read_lines(file: Path) -> Iterator[Recorded]:
    """Raises UnusableSpec for a file that is not there or not a recording, with the line."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UnusableSpec(
            f"recording {file}: {error.strerror or error}", hint="give replay: a file of recorded answers"
        ) from error
    except UnicodeDecodeError as error:
        raise UnusableSpec(f"recording {file}: not UTF-8 at byte {error.start}") from error
    # Not splitlines(): replies may hold U+2028 and its like, which JSON leaves as they are.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield _recorded(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                raise UnusableSpec(
                    f"recording {file}, line {number}: {error!r}",
                    hint="a recording is JSONL as written by: expand ledger export FILE",
                ) from error


def _recorded(data: Any) -> Recorded:
    if not isinstance(data, dict):
        raise TypeError("not an object")
    finish = data.get("finish_reason", "stop")
    if finish not in get_args(FinishReason):
        raise ValueError(f"finish_reason {finish!r}")
    name, text = data["name"], data["text"]
    if not isinstance(name, str) or not isinstance(text, str):
        raise TypeError("name and text must be strings")
    reply = Reply(text, finish, _usage(data.get("usage") or {"counted": False}))
    return Recorded(name, int(data.get("attempt", 0)), str(data.get("prompt", "")), reply)


def _usage(data: Any) -> Usage:
    """What is no count would stand in the ledger for good, and in the way of every sum."""
    usage = Usage(**data)
    for field in fields(usage):
        value = getattr(usage, field.name)
        flag = isinstance(field.default, bool)
        if not (isinstance(value, bool) if flag else type(value) is int and 0 <= value <= LARGEST):
            raise TypeError(f"usage.{field.name} {value!r}")
    return usage
