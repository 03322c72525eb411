"""Pictures that go with a message: part of what is asked, whole in the ledger, in each vendor's own form."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import NotConfigured, Rejected
from agent.llm import Ledger, ModelSettings, key_of, open_model
from agent.llm.keys import prompt_hash
from agent.llm.langchain import _messages
from agent.llm.usage import prompt_tokens
from agent.records import Call, Reply
from tests.fakes.openai_server import FakeOpenAI, Status
from tests.llm.helpers import make_call, run
from tests.llm.test_mailbox import Person, settings
from tests.llm.test_openai import failure, send


def picture(width: int, height: int) -> str:
    """A ``data:`` URI whose header tells its size; nobody here looks further."""
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)
    return "data:image/png;base64," + base64.b64encode(header + bytes(40)).decode()


A, B = picture(500, 400), picture(1000, 400)


def seeing(call: Call, *images: str) -> Call:
    *first, last = call.messages
    return replace(call, messages=(*first, replace(last, images=images)))


def test_a_picture_is_part_of_what_is_asked() -> None:
    plain = make_call()
    calls = [plain, seeing(plain, A), seeing(plain, B), seeing(plain, A, B), seeing(plain, B, A)]
    assert len({key_of(c) for c in calls}) == len({prompt_hash(c) for c in calls}) == 5
    assert key_of(seeing(plain)) == key_of(plain)


def test_the_ledger_gives_pictures_back(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with Ledger(file) as ledger:
        for call in (seeing(make_call("a/b"), A, B), make_call("a/c")):
            row = ledger.put(call, Reply("好。"), seconds=1.0)
            assert ledger.call(row.key) == call
        assert ledger.verify() == []


def test_tokens_grow_with_the_tiles() -> None:
    plain = prompt_tokens(make_call())
    assert prompt_tokens(seeing(make_call(), A)) - plain == 85 + 170
    assert prompt_tokens(seeing(make_call(), A, B)) - plain == (85 + 170) + (85 + 2 * 170)


@pytest.mark.parametrize("schema", [None, {"type": "object"}])
def test_openai_is_sent_parts(fake_openai: FakeOpenAI, schema: dict[str, str] | None) -> None:
    send(fake_openai, seeing(make_call(schema=schema), A, B))
    first, last = fake_openai.requests[-1].body["messages"]
    assert first["content"] == "你是作者"
    assert [part["type"] for part in last["content"]] == ["text", "image_url", "image_url"]
    assert last["content"][0]["text"] == "写一段"
    assert last["content"][2]["image_url"] == {"url": B}


def test_where_there_is_no_json_mode_the_schema_follows_the_text_of_the_parts() -> None:
    with FakeOpenAI(refuses=("json_schema", "json_object")) as server:
        send(server, seeing(make_call(schema={"type": "object"}), A))
        text, image = server.requests[-1].body["messages"][-1]["content"]
    assert text["text"].startswith("写一段\n\nJSON Schema:")
    assert image["image_url"] == {"url": A}


def test_a_model_that_cannot_see_says_what_to_set() -> None:
    refusal = Status(400, "image input is not supported by this model")
    with FakeOpenAI(refusal) as server, pytest.raises(Rejected) as caught:
        send(server, seeing(make_call(), A))
    assert "model.figures" in caught.value.hint
    assert "model.figures" not in failure(Status(400, "bad request")).hint


def test_langchain_is_given_the_same_parts() -> None:
    _, (role, content) = _messages(seeing(make_call(schema={"type": "object"}), A))
    assert role == "user"
    assert [part["type"] for part in content] == ["text", "image_url"]
    assert "JSON Schema" in content[0]["text"]


def test_a_mailbox_lays_them_beside_the_request(tmp_path: Path) -> None:
    person = Person(tmp_path, "好。".encode())
    model = open_model(f"mailbox:{tmp_path}", settings(person))
    run(model.send(seeing(make_call(model=model.identity), A, B)))
    (request,) = tmp_path.glob("*.request.json")
    last = json.loads(request.read_text(encoding="utf-8"))["messages"][-1]
    assert [base64.b64encode((tmp_path / name).read_bytes()).decode() for name in last["images"]] == [
        uri.partition(",")[2] for uri in (A, B)
    ]
    readable = request.with_suffix(".md").read_text(encoding="utf-8")
    assert [f"![{name}]({name})" in readable for name in last["images"]] == [True, True]


def test_a_program_is_given_no_pictures(tmp_path: Path) -> None:
    model = open_model("command:cat", ModelSettings(env={"PATH": "/usr/bin:/bin"}))
    with pytest.raises(NotConfigured, match="no pictures"):
        run(model.send(seeing(make_call(), A)))
