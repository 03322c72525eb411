"""A server on loopback that speaks ``/v1/chat/completions`` and misbehaves on request.

    with FakeOpenAI(Status(429, retry_after="2"), Text("好")) as server:
        open_model("openai:any", ModelSettings(base_url=server.base_url, env={}))

Steps are used up in order, one a request. When none is left, ``answers`` (request body → text) speaks, or a
fixed text. A whole writer can be plugged in: ``FakeOpenAI(answers=writer)``.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Text:
    """An answer in chunks."""

    text: str = "fine"
    finish: str | None = "stop"
    """``length``, ``content_filter``, … as the service would say; None: it never says."""
    usage: Mapping[str, Any] | None = field(
        default_factory=lambda: {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 5},
        }
    )
    """None: the service counts nothing."""
    refusal: str = ""
    reasoning: str = ""
    """Comes before the text, in a field of its own."""
    chunk: int = 5
    """Characters a chunk."""
    headers: Mapping[str, str] = field(default_factory=dict)


def Refusal(text: str = "I cannot help with that") -> Text:
    return Text("", refusal=text)


@dataclass(frozen=True)
class Status:
    """An error status with OpenAI's error body."""

    status: int
    message: str = "no"
    retry_after: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    body: str | None = None
    """In place of the error object: any bytes at all."""


@dataclass(frozen=True)
class Reset:
    """The connection is reset; after ``text`` has been streamed, if there is any."""

    text: str = ""


@dataclass(frozen=True)
class CutStream:
    """The stream ends in the middle: the connection is closed in order (``clean``) or breaks off."""

    text: str = "half an ans"
    clean: bool = False


@dataclass(frozen=True)
class Stall:
    """Nothing more comes after ``text`` until the server is released or closed. With ``finish`` the text was
    whole and only the usage and the end marker are missing."""

    text: str = ""
    finish: str | None = None


@dataclass(frozen=True)
class BadJson:
    """An event (or a whole body) that is no JSON."""

    data: str = '{"choices": [{'


@dataclass(frozen=True)
class ErrorEvent:
    """An error in the middle of a stream."""

    message: str = "overloaded"
    text: str = "half"
    code: str | None = None


Step = Text | Status | Reset | CutStream | Stall | BadJson | ErrorEvent


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    body: Body
    headers: Mapping[str, str]
    path: str

    @property
    def said(self) -> str:
        """The last message."""
        return str(self.body["messages"][-1]["content"])


class FakeOpenAI:
    """Context manager. ``refuses`` names fields (``temperature``, ``max_tokens``, ``stream_options``) and
    response formats (``json_schema``, ``json_object``) that the server answers 400 to."""

    def __init__(
        self,
        *script: Step,
        answers: Callable[[Body], str] | None = None,
        refuses: tuple[str, ...] = (),
        port: int = 0,
        handler: type[BaseHTTPRequestHandler] | None = None,
    ) -> None:
        self.requests: list[Seen] = []
        self.answers = answers or (lambda body: "fine")
        self.refuses = refuses
        self._script = list(script)
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", port), handler or _Handler)
        self._server.fake = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> FakeOpenAI:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def push(self, *steps: Step) -> None:
        with self._lock:
            self._script.extend(steps)

    def release(self) -> None:
        """Let what stalls go on (its connection is closed)."""
        self._released.set()

    def take(self, seen: Seen) -> Step:
        """The step that answers this request."""
        with self._lock:
            self.requests.append(seen)
            refused = self._refused(seen.body)
            if refused:
                return refused
            if self._script:
                return self._script.pop(0)
        return Text(self.answers(seen.body))

    def events(self, step: Step, body: Body) -> Iterator[str]:
        """The answer as server-sent events."""
        return (f"data: {data}\n\n" for data in _events(step, body))

    def wait(self) -> None:
        self._released.wait(60)

    def _refused(self, body: Body) -> Status | None:
        form = (body.get("response_format") or {}).get("type")
        if form in self.refuses:
            return Status(400, f"response_format of type {form} is not available here")
        for name in self.refuses:
            if name in body:
                return Status(400, f"Unsupported parameter: '{name}' is not supported with this model.")
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    fake: FakeOpenAI

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Head and body are two small writes: without this the second waits 40 ms for the first to be acknowledged."""
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        seen = Seen(body, {k.lower(): v for k, v in self.headers.items()}, self.path)
        step = self.server.fake.take(seen)
        if isinstance(step, Status):
            self._status(step)
        elif isinstance(step, Reset) and not step.text:
            self._reset()
        elif body.get("stream"):
            self._stream(step, body)
        else:
            self._whole(step, body)

    def _status(self, step: Status) -> None:
        error = {"message": step.message, "type": "error", "param": None, "code": step.code}
        data = (json.dumps({"error": error}) if step.body is None else step.body).encode()
        self.send_response(step.status)
        for name, value in step.headers.items():
            self.send_header(name, value)
        if step.retry_after is not None:
            self.send_header("Retry-After", step.retry_after)
        self._finish_head(data, "application/json")

    def _finish_head(self, data: bytes, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _reset(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # shutdown() would send an orderly end first; the descriptor itself must go for a reset to be sent.
        self.rfile.close()
        self.connection.close()
        self.close_connection = True

    def _whole(self, step: Step, body: Body) -> None:
        if isinstance(step, Stall):
            self.server.fake.wait()
            self.close_connection = True
            return
        if isinstance(step, BadJson):
            data = step.data
        else:
            assert isinstance(step, Text)
            data = json.dumps(chat_body(step, body))
        self.send_response(200)
        self._finish_head(data.encode(), "application/json")

    def _stream(self, step: Step, body: Body) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        for name, value in step.headers.items() if isinstance(step, Text) else ():
            self.send_header(name, value)
        clean = isinstance(step, CutStream) and step.clean
        if clean:
            # Without chunks or length an orderly close is a valid end of the body: only its content tells.
            self.send_header("Connection", "close")
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in self.server.fake.events(step, body):
            self._event(event, chunked=not clean)
        if isinstance(step, Stall):
            self.server.fake.wait()
        if isinstance(step, Reset):
            self._reset()
        elif isinstance(step, (CutStream, Stall)):
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: str, *, chunked: bool) -> None:
        raw = data.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw) if chunked else raw)
        self.wfile.flush()


def chat_body(step: Text, body: Body) -> Body:
    """An answer in one piece."""
    message = {"role": "assistant", "content": step.text, "refusal": step.refusal or None}
    choice = {"index": 0, "message": message, "finish_reason": step.finish}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [choice],
        "usage": step.usage,
    }


def _events(step: Step, body: Body) -> Iterator[str]:
    def event(choices: list[Body], **more: Any) -> str:
        head = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
        return json.dumps({**head, "choices": choices, **more}, ensure_ascii=False)

    def delta(finish: str | None = None, **fields: str) -> str:
        return event([{"index": 0, "delta": fields, "finish_reason": finish}])

    if isinstance(step, BadJson):
        yield delta(content="half")
        yield step.data
        return
    assert not isinstance(step, Status)
    size = step.chunk if isinstance(step, Text) else 5
    thought = step.reasoning if isinstance(step, Text) else ""
    for start in range(0, len(thought), size):
        yield delta(reasoning_content=thought[start : start + size])
    for start in range(0, len(step.text), size):
        yield delta(content=step.text[start : start + size])
    if isinstance(step, ErrorEvent):
        yield json.dumps({"error": {"message": step.message, "type": "server_error", "code": step.code}})
    if isinstance(step, Stall) and step.finish:
        yield delta(step.finish)
    if not isinstance(step, Text):
        return
    if step.refusal:
        yield delta(refusal=step.refusal)
    if step.finish:
        yield delta(step.finish)
    if step.usage and body.get("stream_options", {}).get("include_usage"):
        yield event([], usage=dict(step.usage))
    yield "[DONE]"
