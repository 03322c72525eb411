"""A server on loopback that speaks Anthropic's ``/v1/messages`` as a stream, and keeps prompts as that one does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.fakes.openai_server import Body, ErrorEvent, FakeOpenAI, Step, Text


class FakeAnthropic(FakeOpenAI):
    """Takes the steps of `FakeOpenAI`. What stands before a mark is kept and billed as written the first time, and as
    read afterwards; a character counts as a token. The rest of a prompt counts as 11 tokens, an answer as 7."""

    def __init__(self, *script: Step, **options: Any) -> None:
        super().__init__(*script, **options)
        self.kept: set[str] = set()

    @property
    def base_url(self) -> str:
        return super().base_url.removesuffix("/v1")

    def events(self, step: Step, body: Body) -> Iterator[str]:
        usage = {**self._cache(body), "input_tokens": 11, "output_tokens": 1}
        message = {"id": "m", "type": "message", "role": "assistant", "model": body["model"], "content": []}
        end = {"stop_reason": None, "stop_sequence": None}
        yield _event("message_start", message={**message, **end, "usage": usage})
        yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        text = getattr(step, "text", "")
        for start in range(0, len(text), 5):
            delta = {"type": "text_delta", "text": text[start : start + 5]}
            yield _event("content_block_delta", index=0, delta=delta)
        if isinstance(step, ErrorEvent):
            yield _event("error", error={"type": "overloaded_error", "message": step.message})
        if not isinstance(step, Text) or step.finish is None:
            return
        yield _event("content_block_stop", index=0)
        yield _event(
            "message_delta",
            delta={**end, "stop_reason": step.finish},
            usage={**usage, "output_tokens": 7},
        )
        yield _event("message_stop")

    def _cache(self, body: Body) -> dict[str, int]:
        read = written = 0
        before = ""
        for block in _blocks(body):
            before += block["text"]
            if "cache_control" not in block:
                continue
            if before in self.kept:
                read, written = len(before), 0
            else:
                written = len(before) - read
                self.kept.add(before)
        return {"cache_read_input_tokens": read, "cache_creation_input_tokens": written}


def _blocks(body: Body) -> Iterator[dict[str, Any]]:
    for content in (body.get("system", ""), *(m["content"] for m in body["messages"])):
        yield from [{"text": content}] if isinstance(content, str) else content


def _event(kind: str, **fields: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n"
