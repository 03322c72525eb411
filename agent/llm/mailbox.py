"""``mailbox:DIR``: a person, or any program, answers through files.

The call is written to ``DIR/<id>.request.json``, an object with name, messages, params and schema; pictures that go
with a message lie beside it, as ``DIR/<id>.1.png`` and so on, and are named in its ``images``. The same for a
person's eyes, with how to answer, stands in ``DIR/<id>.request.md``. The answer is read from ``DIR/<id>.reply.md``.
Every file is moved into place whole, by a rename in the same folder, the request last. ``<id>`` is a short form of
name and attempt and 8 hex digits of the ledger key, so that an old answer never fits a new prompt.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent.errors import NotConfigured, Rejected
from agent.llm.keys import key_of
from agent.llm.model import CallEvent, ModelSettings
from agent.llm.usage import own_count
from agent.records import Call, Reply

RULE = "=" * 12
"""Sets the messages apart, which have headings of their own."""
LONGEST_STEM = 120
"""Bytes of the readable part of an id; file names end at 255."""


class MailboxModel:
    """Waits without end: a person has all the time of the world. Ctrl-C and the same command again go on
    waiting."""

    identity = "mailbox"

    def __init__(self, spec: str, name: str, settings: ModelSettings) -> None:
        self.spec = spec
        self.context_window = settings.context_window
        self._folder = Path(name).expanduser()
        self._settings = settings

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        """Raises Rejected for an answer that is not UTF-8, NotConfigured where the folder cannot be used."""
        request, answer = self._paths(call)
        try:
            if not answer.exists():
                _write_request(request, call)
                self._tell(call, answer)
            while not answer.exists():
                await self._settings.sleep(self._settings.poll)
            data = answer.read_bytes()
        except OSError as error:
            raise NotConfigured(
                f"{call.name}: {error.filename or self._folder}: {error.strerror or error}",
                hint="check that the mailbox folder can be read and written",
            ) from error
        text = _decoded(data, answer)
        return Reply(text, usage=own_count(call, text))

    async def aclose(self) -> None:
        """Requests without an answer stay: they may be answered before the next run."""

    def _paths(self, call: Call) -> tuple[Path, Path]:
        stem = message_id(call)
        return self._folder / f"{stem}.request.json", self._folder / f"{stem}.reply.md"

    def _tell(self, call: Call, answer: Path) -> None:
        if self._settings.observe is not None:
            self._settings.observe(
                CallEvent("waiting", call.name, call.attempt, call.model, detail=str(answer))
            )


def message_id(call: Call) -> str:
    """Such as ``sgd-svm.theory.2.write-0-1a2b3c4d``. Of a long name the longest part is shortened."""
    words = ["".join(c if c.isalnum() or c in "._-" else "-" for c in part) for part in call.name.split("/")]
    longest = max(range(len(words)), key=lambda i: len(words[i].encode()))
    room = LONGEST_STEM - sum(len(word.encode()) + 1 for word in words) + len(words[longest].encode())
    words[longest] = words[longest].encode()[: max(room, 0)].decode("utf-8", "ignore")
    stem = ".".join(words).lstrip(".").encode()[:LONGEST_STEM].decode("utf-8", "ignore")
    return f"{stem}-{call.attempt}-{key_of(call).removeprefix('c1:')[:8]}"


def _write_request(file: Path, call: Call) -> None:
    stem = file.name.removesuffix(".request.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    messages: list[dict[str, Any]] = []
    count = 0
    for message in call.messages:
        said: dict[str, Any] = {"role": message.role, "content": message.content}
        for uri in message.images:
            count += 1
            said.setdefault("images", []).append(f"{stem}.{count}.png")
            _put(file.with_name(f"{stem}.{count}.png"), base64.b64decode(uri.partition(",")[2]))
        messages.append(said)
    data = {
        "name": call.name,
        "messages": messages,
        "params": dict(call.params),
        "schema": None if call.schema is None else dict(call.schema),
    }
    _put(file.with_name(f"{stem}.request.md"), letter(data, stem).encode("utf-8"))
    _put(file, (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode("utf-8"))


def letter(request: Mapping[str, Any], stem: str) -> str:
    """The request as a person reads it: how to answer, then the prompt as it is, then the schema."""
    schema, limit = request["schema"], request["params"].get("max_tokens")
    form = (
        "one JSON object that fits the schema at the end, and nothing else"
        if schema
        else "the text, and nothing else"
    )
    rows = [
        f"# {request['name']}",
        f"Answer in `{stem}.reply.md`, beside this file: {form}, in UTF-8"
        + (f", at most {limit} tokens." if limit else ".")
        + " Write it under another name and rename it when it is whole: it is read as soon as it is there.",
    ]
    for message in request["messages"]:
        rows.append(f"{RULE} {message['role']} {RULE}")
        rows += [f"![{name}]({name})" for name in message.get("images", ())]
        rows.append(message["content"])
    if schema:
        shown = json.dumps(schema, ensure_ascii=False, indent=2)
        rows += [f"{RULE} JSON Schema of the answer {RULE}", f"```json\n{shown}\n```"]
    return "\n\n".join(rows) + "\n"


def _put(file: Path, data: bytes) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_bytes(data)
    draft.replace(file)


def _decoded(data: bytes, file: Path) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Rejected(
            f"{file}: not UTF-8 at byte {error.start}", hint="save the answer as UTF-8 and run again"
        ) from error
