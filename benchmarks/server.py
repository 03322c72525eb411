"""A service on loopback for the benchmarks, in a process of its own: its processor time is not ours.

It speaks enough of ``/v1/chat/completions`` (streamed or whole), answers with the tests' fake writer, first token and
last token at fixed times, and keeps prompts as vendors do: of a prompt it has seen begin, a later one's common start
is reported as cached (in steps of 128 tokens, from 1,024). ``GET /log`` gives every request with its times.

    with Service(latency=1.0, first=0.2) as service:
        service.base_url, service.log(), service.reset(faults=0.3)
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import hashlib
import json
import random
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CHARS_A_TOKEN = 2
"""Near enough for mixed Chinese and LaTeX, and the same for all prompts."""
STEP = 128
LEAST = 1024
FAULTS = (
    *("429", "500", "503", "reset", "cut", "cut-clean", "bad-json", "error-event", "stall"),
    *("empty", "refusal", "length", "malformed"),
)
UNUSABLE = ("empty", "refusal", "length", "malformed")
"""Faults that are answers, and paid for."""


class Service:
    """Starts and ends the process."""

    def __init__(self, **options: float) -> None:
        argv = [sys.executable, str(Path(__file__)), "--serve"]
        for name, value in options.items():
            argv += [f"--{name.replace('_', '-')}", str(value)]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def log(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/log") as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
        return found

    def count(self) -> int:
        """Requests so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/count") as answer:
            return int(answer.read())

    def hold(self, goal: int) -> None:
        """Leave those unanswered that come after so many requests; 0: nobody, and hang up on those who wait."""
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/hold?{goal}").read()

    def reset(self, **options: float) -> None:
        """Forget log and cache; change options."""
        query = "&".join(f"{k}={v}" for k, v in options.items())
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/reset?{query}").read()

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Server:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.entries: list[dict[str, Any]] = []
        self.kept: list[str] = []
        """Prompts whose first token has been sent, sorted."""
        self.tried: dict[str, int] = {}
        self.goal = 0
        """Requests after which the next ones wait, so that whoever wants to kill the client comes in time; 0: none."""
        self.let_go = asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ", 2)[1]
        length = next(
            (int(x.split(":")[1]) for x in head.split("\r\n") if x.lower().startswith("content-length")), 0
        )
        body = await reader.readexactly(length)
        if path.startswith("/log"):
            whole(writer, json.dumps(self.entries))
        elif path.startswith("/count"):
            whole(writer, str(len(self.entries)))
        elif path.startswith("/hold"):
            self.let_go.set()
            self.goal, self.let_go = int(path.partition("?")[2]), asyncio.Event()
            whole(writer, "{}")
        elif path.startswith("/reset"):
            self.entries, self.kept, self.tried = [], [], {}
            for pair in path.partition("?")[2].split("&"):
                name, _, value = pair.partition("=")
                if name:
                    setattr(self.options, name, float(value))
            whole(writer, "{}")
        else:
            return await self._answer(json.loads(body), writer)
        await writer.drain()
        return True

    async def _answer(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        start = time.time()
        messages = [m["content"] for m in body["messages"]]
        prompt = json.dumps(body.get("response_format"), sort_keys=True) + "".join(messages)
        same = self._same(prompt)
        cached = same // STEP * STEP if same >= LEAST else 0
        asked = digest(messages)
        entry: dict[str, Any] = {
            "start": start, "asked": asked, "prompt": len(prompt) // CHARS_A_TOKEN, "cached": cached,
            "same": same, "end": None, "fault": "",
        }  # fmt: skip
        self.entries.append(entry)
        fault = self._fault(asked)
        entry["fault"] = fault
        entry["task"] = task_of(messages[1])
        if 0 < self.goal < len(self.entries):
            await self.let_go.wait()
            return False
        if fault in ("429", "500", "503"):
            whole(writer, '{"error": {"message": "no", "type": "error"}}', status=int(fault))
            await writer.drain()
            return True
        text = answer_to(messages[1]) if fault not in ("empty", "refusal", "malformed") else ""
        if len(messages) > 2 and text.startswith(messages[2]):
            text = text[len(messages[2]) :]  # the rest of what was cut
        await asyncio.sleep(self.options.first)
        if fault == "stall":
            await asyncio.sleep(self.options.silence)
            writer.transport.abort()
            return False
        if fault == "reset":
            writer.transport.abort()
            return False
        bisect.insort(self.kept, prompt)
        usage = {
            "prompt_tokens": len(prompt) // CHARS_A_TOKEN,
            "completion_tokens": max(1, len(text) // CHARS_A_TOKEN),
            "prompt_tokens_details": {"cached_tokens": cached},
        }
        sent = await self._stream(body, writer, text, usage, fault)
        entry["end"] = time.time()
        return sent

    async def _stream(
        self, body: dict[str, Any], writer: asyncio.StreamWriter, text: str, usage: dict[str, Any], fault: str
    ) -> bool:
        head = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}

        def event(choices: list[dict[str, Any]], **more: Any) -> None:
            data = (
                f"data: {json.dumps({**head, 'choices': choices, **more}, ensure_ascii=False)}\n\n".encode()
            )
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))

        def delta(finish: str | None = None, **fields: str) -> None:
            event([{"index": 0, "delta": fields, "finish_reason": finish}])

        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        if fault == "length":
            text = text[: len(text) // 2]
        elif fault == "malformed":
            text = "写得不错 \\tag{3}\n\n=== nonsense.9\n\n不是要的形式"
        delta(content=text[:10])
        await writer.drain()
        await asyncio.sleep(max(0.0, self.options.latency - self.options.first))
        if fault in ("cut", "cut-clean"):
            if fault == "cut-clean":
                writer.write(b"0\r\n\r\n")
                await writer.drain()
                return True
            writer.transport.abort()
            return False
        if fault in ("bad-json", "error-event"):
            data = (
                b'data: {"choices": [{\n\n'
                if fault == "bad-json"
                else b'data: {"error": {"message": "overloaded"}}\n\n'
            )
            writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))
            await writer.drain()
            return True
        if fault == "refusal":
            delta(refusal="I cannot help with that")
        delta(content=text[10:])
        delta("length" if fault == "length" else "stop")
        event([], usage=usage)
        done = b"data: [DONE]\n\n"
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(done), done))
        await writer.drain()
        return True

    def _fault(self, asked: str) -> str:
        """Which fault, by the question and how often it was asked: the same in every run, whatever the order."""
        if not self.options.faults:
            return ""
        count = self.tried[asked] = self.tried.get(asked, 0) + 1
        draw = random.Random(f"{asked}{count}")
        return draw.choice(FAULTS) if draw.random() < self.options.faults else ""

    def _same(self, prompt: str) -> int:
        """Longest start, in tokens, that this prompt shares with one before it: a neighbour in their order."""
        place = bisect.bisect(self.kept, prompt)
        return (
            max((common(prompt, x) for x in self.kept[max(0, place - 1) : place + 1]), default=0)
            // CHARS_A_TOKEN
        )


def digest(messages: list[str]) -> str:
    """Names a question."""
    return hashlib.sha256(json.dumps(messages).encode()).hexdigest()


def common(a: str, b: str) -> int:
    """Length of the common start, by halving."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[:middle] == b[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def whole(writer: asyncio.StreamWriter, text: str, status: int = 200) -> None:
    data = text.encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)


def task_of(prompt: str) -> str:
    from tests.fakes import writer

    return next((mark for mark, _ in writer.TASKS if mark in prompt), "")


def answer_to(prompt: str) -> str:
    """The fake writer's; the plain question of the per-call benchmark; a division into nine packs with one seam."""
    from tests.fakes import writer

    if "# 任务：把内容分给各章" in prompt:
        return nine_packs(prompt)
    if not task_of(prompt):
        return "好。" * 200
    # Some prompts do not hold the article; without its number in what was written they would be one for all.
    number = prompt.partition("引言第 ")[2].partition(" ")[0]
    if "# 任务：精读原文" in prompt:
        return writer.answer(prompt).replace("两条路给出", f"第 {number} 篇里两条路给出")
    if task_of(prompt) == "# 任务：写":
        return writer.answer(prompt).replace("。", f"，这是第 {number} 篇。", 1)
    return writer.answer(prompt)


def nine_packs(prompt: str) -> str:
    from tests.fakes import writer

    plan = json.loads(writer.division(prompt))
    like = plan["sections"][0]["parts"][0]
    names = ("history", "intuition", "experiments", "failure", "practice", "frontier", "philosophy")
    plain = [{"id": n, "parts": [{**like, "id": f"{n}.1", "title": f"关于{n}", "lines": 30}]} for n in names]
    theory = [
        {**like, "id": "theory.1", "title": "甲", "formulas": ["eq:double"], "covers": ["S1"], "lines": 90},
        {**like, "id": "theory.2", "title": "乙", "formulas": ["eq:square"], "covers": ["Q1"], "lines": 90},
    ]
    plan["sections"] = [plain[0], {"id": "theory", "parts": theory}, *plain[1:]]
    return json.dumps(plan, ensure_ascii=False)


async def serve(options: argparse.Namespace) -> None:
    sys.path.insert(0, str(ROOT))
    server = Server(options)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, limit=1 << 24)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--latency", type=float, default=1.0, help="seconds from request to last token")
    parser.add_argument("--first", type=float, default=0.0, help="seconds from request to first token")
    parser.add_argument("--silence", type=float, default=3600.0, help="seconds of a stall, then it hangs up")
    parser.add_argument("--faults", type=float, default=0.0, help="share of requests that go wrong")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
