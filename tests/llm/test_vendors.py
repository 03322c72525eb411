"""SPECs, and what is said about those that lead nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agent.errors import ContextOverflow, ModelError, NotConfigured, Refused, Rejected, Unavailable
from agent.llm import ModelSettings, open_model
from agent.llm.langchain import LangChainModel
from agent.records import Reply, Usage
from tests.llm.helpers import SECRET, make_call, run


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ("opneai:gpt-5-mini", "unknown vendor 'opneai'", "openai"),
        ("antropic:claude", "unknown vendor 'antropic'", "did you mean anthropic"),
        ("zzz:x", "unknown vendor 'zzz'", "known: openai, replay, mailbox"),
        ("gpt-5-mini", "unknown vendor", "such as openai:gpt-5-mini; known: "),
        ("openai", "no name after the vendor", "openai:NAME"),
        ("openai: ", "no name after the vendor", "openai:NAME"),
        ("", "unknown vendor", "known: "),
        ("local:/nowhere/x.gguf", "no such file", "local:smollm2"),
    ],
)
def test_specs_that_lead_nowhere(spec: str, message: str, hint: str) -> None:
    with pytest.raises(NotConfigured, match=message) as caught:
        open_model(spec, ModelSettings(env={}))
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("vendor", "install"),
    [
        ("anthropic", "pip install 'expand-articles[anthropic]'"),
        ("google_genai", "pip install 'expand-articles[google]'"),
        ("ollama", "pip install 'expand-articles[ollama]'"),
        ("mistralai", "pip install 'expand-articles[langchain]' langchain-mistralai"),
    ],
)
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, vendor: str, install: str) -> None:
    import sys

    # As on a machine without it, whether or not this one has it.
    monkeypatch.setitem(sys.modules, "langchain", None)
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(NotConfigured, match="is not installed") as caught:
        open_model(f"{vendor}:m", ModelSettings(env={}))
    assert caught.value.hint == install


class Chunk:
    def __init__(self, content: Any, usage: Any = None, **told: str) -> None:
        self.content = content
        self.usage_metadata = usage
        self.response_metadata = told


class Chat:
    """Stands where LangChain's chat model would: its interface as far as we use it."""

    def __init__(self, *chunks: Chunk, error: Exception | None = None) -> None:
        self.chunks = chunks
        self.error = error
        self.heard: list[Any] = []

    async def astream(self, messages: Any) -> AsyncIterator[Chunk]:
        self.heard.append(messages)
        for chunk in self.chunks:
            await asyncio.sleep(0)
            yield chunk
        if self.error is not None:
            raise self.error


def opened(chat: Chat, spec: str = "anthropic:m") -> tuple[LangChainModel, list[dict[str, Any]]]:
    made: list[dict[str, Any]] = []

    def init(name: str, **options: Any) -> Chat:
        made.append({"name": name, **options})
        return chat

    settings = ModelSettings(env={"ANTHROPIC_API_KEY": SECRET}, timeout=9)
    return LangChainModel(spec, spec.partition(":")[2], settings, init=init), made


def test_langchain_chunks_are_put_together() -> None:
    usage = {"input_tokens": 12, "output_tokens": 0, "input_token_details": {"cache_read": 4}}
    chat = Chat(
        Chunk("好", usage),
        Chunk([{"type": "thinking", "thinking": "…"}, {"type": "text", "text": "的"}, "。"]),
        Chunk("", {"input_tokens": 0, "output_tokens": 3}, stop_reason="end_turn"),
    )
    model, made = opened(chat)
    told: list[int] = []
    reply = run(model.send(make_call(schema={"type": "object"}), on_token=told.append))
    assert reply == Reply("好的。", "stop", Usage(12, 4, 3))
    assert told == [1, 4, 4]
    assert chat.heard == [[("system", "你是作者"), ("user", '写一段\n\nJSON Schema:\n{"type":"object"}')]]
    assert made[-1] == {
        "name": "m",
        "model_provider": "anthropic",
        "max_retries": 0,
        "timeout": 9,
        "max_tokens": 50,
    }
    assert model.identity == "anthropic:m"


@pytest.mark.parametrize(
    ("told", "finish"),
    [
        ({"stop_reason": "max_tokens"}, "length"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"done_reason": "length"}, "length"),
        ({"finish_reason": "SAFETY"}, "refused"),
        ({"stop_reason": "refusal"}, "refused"),
        ({"finish_reason": "stop"}, "stop"),
        ({}, "stop"),
    ],
)
def test_langchain_ends(told: dict[str, str], finish: str) -> None:
    model, _ = opened(Chat(Chunk("x", **told)), "together:m")
    assert run(model.send(make_call())).finish_reason == finish


def test_a_stream_without_the_reason_that_its_vendor_always_gives_broke_off() -> None:
    model, _ = opened(Chat(Chunk("x")), "anthropic:m")
    with pytest.raises(Unavailable, match="a/b: anthropic:m broke off"):
        run(model.send(make_call()))


@pytest.mark.parametrize(
    ("spec", "field"),
    [("google_genai:m", "max_output_tokens"), ("ollama:m", "num_predict"), ("groq:m", "max_tokens")],
)
def test_langchain_names_of_the_limit(spec: str, field: str) -> None:
    model, made = opened(Chat(Chunk("x")), spec)
    run(model.send(make_call()))
    assert made[-1][field] == 50


def test_answers_of_one_server_are_not_taken_for_those_of_another() -> None:
    def init(name: str, **options: Any) -> Chat:
        return Chat()

    hosts = ("10.0.0.1:11434", "10.0.0.2:11434")
    models = [
        LangChainModel("ollama:m", "m", ModelSettings(env={"OLLAMA_HOST": h}), init=init) for h in hosts
    ]
    assert [model.identity for model in models] == [f"ollama:m@{host}" for host in hosts]
    assert {model.spec for model in models} == {"ollama:m"}


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        ("anthropic:m", {"max_retries": 0, "timeout": 9}),
        ("ollama:m", {"client_kwargs": {"timeout": 9}}),
    ],
)
def test_no_vendor_is_waited_for_without_end(spec: str, options: dict[str, Any]) -> None:
    _, made = opened(Chat(), spec)
    vendor = spec.partition(":")[0]
    assert made == [{"name": "m", "model_provider": vendor, **options}]


class VendorError(Exception):
    def __init__(self, status: int | None, words: str) -> None:
        super().__init__(words)
        if status is not None:
            self.status_code = status


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, Unavailable),
        (500, Unavailable),
        (529, Unavailable),
        (None, Unavailable),
        (400, Rejected),
        (401, Rejected),
        (404, Rejected),
        (418, Rejected),
        (413, ContextOverflow),
    ],
)
def test_langchain_errors(status: int | None, kind: type[ModelError]) -> None:
    model, _ = opened(Chat(Chunk("half"), error=VendorError(status, f"key {SECRET} no")))
    with pytest.raises(ModelError) as caught:
        run(model.send(make_call()))
    assert type(caught.value) is kind
    assert str(caught.value) == "a/b: anthropic:m: VendorError: key [key] no"
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Output blocked by content filtering policy"),
        (200, "Output blocked by content filtering policy"),
        (400, "data_inspection_failed"),
    ],
)
def test_what_a_filter_behind_langchain_declines_is_refused(status: int, words: str) -> None:
    error = VendorError(status, "no")
    error.body = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}  # type: ignore[attr-defined]
    model, _ = opened(Chat(error=error))
    with pytest.raises(Refused) as caught:
        run(model.send(make_call()))
    assert "filter" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "words", "of_call"),
    [(400, "no", True), (422, "no", True), (400, "API key not valid", False), (401, "no", False)],
)
def test_a_complaint_behind_langchain_is_about_the_call_or_the_settings(
    status: int, words: str, of_call: bool
) -> None:
    model, _ = opened(Chat(error=VendorError(status, words)))
    with pytest.raises(Rejected) as caught:
        run(model.send(make_call()))
    assert caught.value.of_call is of_call


class Cause(Exception):
    """As google-genai raises it; LangChain puts an error of its own in its place."""

    code = 429
    details: ClassVar[dict[str, Any]] = {
        "error": {"details": [{"@type": "…/google.rpc.RetryInfo", "retryDelay": "17s"}]}
    }


def test_a_status_is_found_behind_the_error_that_langchain_puts_in_its_place() -> None:
    error = VendorError(None, "quota")
    error.__cause__ = Cause()
    model, _ = opened(Chat(error=error), "google_genai:m")
    with pytest.raises(Unavailable) as caught:
        run(model.send(make_call()))
    assert (caught.value.limited, caught.value.retry_after) == (True, 17.0)


@pytest.mark.parametrize(
    "details",
    [
        None,
        "no",
        [],
        {"error": "no"},
        {"error": {"details": ["no", {"retryDelay": 3}]}},
        {"retryDelay": "soon"},
    ],
)
def test_details_of_another_form_say_nothing(details: Any) -> None:
    error = VendorError(429, "quota")
    error.details = details  # type: ignore[attr-defined]
    model, _ = opened(Chat(error=error))
    with pytest.raises(Unavailable) as caught:
        run(model.send(make_call()))
    assert caught.value.retry_after is None


def test_langchain_that_sends_nothing() -> None:
    model, _ = opened(Chat())
    with pytest.raises(Unavailable):
        run(model.send(make_call()))


def test_every_factory_opens_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text("")
    for spec in ("openai:m", f"replay:{tmp_path}/r.jsonl", f"mailbox:{tmp_path}", "command:cat -"):
        model = open_model(spec, ModelSettings(api_key=SECRET, env={"PATH": "/usr/bin:/bin"}))
        assert model.spec == spec
        run(model.aclose())
