"""A loopback stand-in for ``/v1/files`` and ``/v1/batches``, which misbehaves on request.

It speaks ``/v1/chat/completions`` too, and runs a batch's lines through the same steps and answers as calls that come
by themselves. A batch moves on by one state each time somebody looks at it, so that no test waits for time:

    with FakeBatches(answers=writer) as server:
        server.plans.append(Plan(ending="expired", answers=lambda n, line: n < 3))

``plans`` are used up in order, one a batch that is created; a batch without one completes.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, ClassVar, Literal

from tests.fakes.openai_server import Body, FakeOpenAI, Seen, Status, Step, Text, _Handler, chat_body

Ending = Literal["completed", "expired", "cancelled", "failed"]
Where = Literal["upload", "create", "created", "look", "list", "content", "delete"]


@dataclass(frozen=True)
class Plan:
    """How one batch goes."""

    ending: Ending = "completed"
    looks: int = 2
    """Looks at it after which it is over."""
    refused: tuple[Mapping[str, Any], ...] = ()
    """Errors of a batch that fails as a whole."""
    answers: Callable[[int, Body], bool] = lambda number, line: True
    """Whether a line, counted from 0, was run before the batch was over."""
    silent: Callable[[int, Body], bool] = lambda number, line: False
    """Whether a line that was run is missing in the results all the same."""
    results: Callable[[list[bytes]], list[bytes]] = lambda lines: lines
    """Shuffles, doubles or spoils the lines of answers."""


@dataclass
class Batch:
    id: str
    body: Body
    plan: Plan
    at: int
    looks: int = 0
    lines: list[Body] = field(default_factory=list)
    output: str = ""
    errors: str = ""

    @property
    def over(self) -> bool:
        return self.looks >= self.plan.looks


class FakeBatches(FakeOpenAI):
    """``gate``, where it is set, is told of every request (where, path) before it is acted upon and may give a Status
    that is answered in place of it; it may block."""

    def __init__(self, *script: Step, answers: Callable[[Body], str] | None = None, **options: Any) -> None:
        super().__init__(*script, answers=answers, handler=_BatchHandler, **options)
        self.plans: list[Plan] = []
        self.gate: Callable[[Where, str], Status | None] = lambda where, path: None
        self.files: dict[str, bytes] = {}
        self.deleted: list[str] = []
        self.batches: dict[str, Batch] = {}
        self.looks: Counter[str] = Counter()
        self._numbers = iter(range(1, 10**6))
        self._desk = threading.RLock()

    def asked(self) -> Counter[str]:
        """``custom_id`` of every call of every batch that was made → how often it was submitted."""
        return Counter(line["custom_id"] for batch in self.batches.values() for line in batch.lines)

    def ran(self) -> Counter[str]:
        """… → how often it was run, which is what is paid for."""
        return Counter(
            line["custom_id"]
            for batch in self.batches.values()
            if batch.over and batch.plan.ending != "failed"
            for n, line in enumerate(batch.lines)
            if batch.plan.answers(n, line)
        )

    def upload(self, data: bytes) -> Body:
        with self._desk:
            id = f"file-{next(self._numbers)}"
            self.files[id] = data
        return {"id": id, "object": "file", "bytes": len(data), "created_at": 0, "filename": "", "purpose": "batch",
                "status": "processed"}  # fmt: skip

    def create(self, body: Body) -> Body:
        with self._desk:
            plan = self.plans.pop(0) if self.plans else Plan()
            batch = Batch(f"batch_{next(self._numbers)}", body, plan, int(time.time()))
            batch.lines = [json.loads(x) for x in self.files[body["input_file_id"]].split(b"\n") if x]
            self.batches[batch.id] = batch
            return self.shown(batch)

    def look(self, id: str) -> Body:
        with self._desk:
            batch = self.batches[id]
            self.looks[id] += 1
            batch.looks += 1
            if batch.looks == batch.plan.looks and batch.plan.ending != "failed":
                self._run(batch)
            return self.shown(batch)

    def shown(self, batch: Batch) -> Body:
        status = batch.plan.ending if batch.over else ("validating" if not batch.looks else "in_progress")
        done = sum(batch.plan.answers(n, line) for n, line in enumerate(batch.lines)) if batch.output else 0
        errors = {"object": "list", "data": list(batch.plan.refused)} if status == "failed" else None
        counts = {"total": len(batch.lines), "completed": done, "failed": 0}
        return {
            "id": batch.id, "object": "batch", "endpoint": batch.body["endpoint"], "completion_window": "24h",
            "input_file_id": batch.body["input_file_id"], "metadata": batch.body.get("metadata"), "status": status,
            "created_at": batch.at, "request_counts": counts, "errors": errors,
            "output_file_id": batch.output or None, "error_file_id": batch.errors or None,
        }  # fmt: skip

    def page(self, after: str, limit: int) -> Body:
        with self._desk:
            ids = list(reversed(self.batches))
            start = ids.index(after) + 1 if after else 0
            some = ids[start : start + limit]
            data = [self.shown(self.batches[id]) for id in some]
            more = start + limit < len(ids)
        return {"object": "list", "data": data, "has_more": more, "first_id": some[:1], "last_id": some[-1:]}

    def delete(self, id: str) -> None:
        with self._desk:
            del self.files[id]
            self.deleted.append(id)

    def _run(self, batch: Batch) -> None:
        answers: list[bytes] = []
        errors: list[bytes] = []
        for number, line in enumerate(batch.lines):
            assert line["url"] == batch.body["endpoint"] == "/v1/chat/completions"
            if not batch.plan.answers(number, line):
                error = {"code": "batch_expired", "message": "could not be run before the window closed"}
                errors.append(_line(line, None, error))
                continue
            step = self.take(Seen(line["body"], {}, "/v1/chat/completions"))
            if batch.plan.silent(number, line):
                continue
            status, body = _whole(step, line["body"])
            said = {"status_code": status, "request_id": "r", "body": body}
            (answers if status == 200 else errors).append(_line(line, said, None))
        batch.output = self.upload(b"".join(batch.plan.results(answers)))["id"]
        batch.errors = self.upload(b"".join(errors))["id"] if errors else ""


def _line(line: Body, response: Body | None, error: Body | None) -> bytes:
    said = {"id": "batch_req", "custom_id": line["custom_id"], "response": response, "error": error}
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def _whole(step: Step, body: Body) -> tuple[int, Body]:
    if isinstance(step, Status):
        error = {"message": step.message, "type": "error", "param": None, "code": step.code}
        return step.status, {"error": error}
    assert isinstance(step, Text)
    return 200, chat_body(step, body)


class _BatchHandler(_Handler):
    ROUTES: ClassVar[tuple[tuple[str, str, Where], ...]] = (
        ("POST", r"/v1/files", "upload"),
        ("POST", r"/v1/batches", "create"),
        ("GET", r"/v1/batches/(\w+)", "look"),
        ("GET", r"/v1/batches(?:\?.*)?", "list"),
        ("GET", r"/v1/files/([\w-]+)/content", "content"),
        ("DELETE", r"/v1/files/([\w-]+)", "delete"),
    )

    def do_POST(self) -> None:
        if self.path == "/v1/chat/completions":
            super().do_POST()
        else:
            self._route("POST")

    def do_GET(self) -> None:
        self._route("GET")

    def do_DELETE(self) -> None:
        self._route("DELETE")

    def _route(self, method: str) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fake = self.server.fake
        assert isinstance(fake, FakeBatches)
        for wanted, pattern, where in self.ROUTES:
            found = re.fullmatch(pattern, self.path)
            if wanted == method and found:
                step = fake.gate(where, self.path) or self._answer(fake, where, found, raw)
                break
        else:
            step = Status(404, f"no {self.path} here")
        if where == "create" and not isinstance(step, Status):
            step = fake.gate("created", self.path) or step
        if isinstance(step, Status):
            self._status(step)
            return
        self.send_response(200)
        data = step if isinstance(step, bytes) else json.dumps(step).encode()
        self._finish_head(data, "application/json")

    def _answer(
        self, fake: FakeBatches, where: Where, found: re.Match[str], raw: bytes
    ) -> Body | bytes | Status:
        try:
            if where == "upload":
                return fake.upload(_uploaded(self.headers["Content-Type"], raw))
            if where == "create":
                return fake.create(json.loads(raw))
            if where == "list":
                after = re.search(r"after=(\w+)", self.path)
                limit = re.search(r"limit=(\d+)", self.path)
                return fake.page(after[1] if after else "", int(limit[1]) if limit else 20)
            if where == "look":
                return fake.look(found[1])
            if where == "content":
                return fake.files[found[1]]
            fake.delete(found[1])
            return {"id": found[1], "object": "file", "deleted": True}
        except KeyError as missing:
            return Status(404, f"No such object: {missing}")


def _uploaded(kind: str, raw: bytes) -> bytes:
    """The file of a multipart form."""
    form = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + raw)
    for part in form.iter_parts():  # type: ignore[attr-defined]
        if part.get_filename():
            return bytes(part.get_payload(decode=True))
    raise AssertionError("a form without a file")
