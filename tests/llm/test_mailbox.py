"""mailbox: a call in a file, its answer in another."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import NotConfigured, Rejected
from agent.llm import CallEvent, ModelSettings, key_of, open_model
from agent.llm.mailbox import message_id
from agent.records import Message, Reply
from tests.llm.helpers import Desk, make_call, make_request, run


class Person:
    """Answers all requests of a folder while the mailbox sleeps, by a rename, as told to."""

    def __init__(self, folder: Path, *answers: bytes, late: int = 2) -> None:
        self.folder = folder
        self.answers = list(answers)
        self.late = late
        self.sleeps = 0
        self.seen: list[str] = []

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        if self.sleeps % self.late == 0:
            for request in sorted(self.folder.glob("*.request.json")):
                reply = request.with_name(request.name.replace(".request.json", ".reply.md"))
                if not reply.exists() and self.answers:
                    self.seen.append(request.name)
                    draft = self.folder / "draft"
                    draft.write_bytes(self.answers.pop(0))
                    draft.replace(reply)
        await asyncio.sleep(0)


def settings(person: Person, events: list[CallEvent] | None = None) -> ModelSettings:
    return ModelSettings(sleep=person.sleep, env={}, observe=None if events is None else events.append)


def test_a_request_and_its_answer(tmp_path: Path) -> None:
    folder = tmp_path / "box"
    person, events = Person(folder, "﻿好的。\r\n第二行。".encode()), []
    model = open_model(f"mailbox:{folder}", settings(person, events))
    call = make_call("sgd-svm/theory.2/write", schema={"type": "object"}, model=model.identity)
    reply = run(model.send(call))
    assert reply.text == "好的。\n第二行。"
    assert not reply.usage.counted
    assert reply.usage.prompt > 0
    (request,) = folder.glob("*.request.json")
    assert request.name == f"sgd-svm.theory.2.write-0-{key_of(call)[3:11]}.request.json"
    assert json.loads(request.read_text(encoding="utf-8")) == {
        "name": "sgd-svm/theory.2/write",
        "messages": [{"role": "system", "content": "你是作者"}, {"role": "user", "content": "写一段"}],
        "params": {"max_tokens": 50},
        "schema": {"type": "object"},
    }
    # Said once, however often it looked.
    assert [e.kind for e in events] == ["waiting"]
    assert events[0].detail.endswith(".reply.md")
    assert person.sleeps == 2
    names = [".reply.md", ".request.json", ".request.md"]
    assert sorted(p.name.removeprefix(message_id(call)) for p in folder.iterdir()) == names


def test_a_request_can_be_read_and_says_how_to_answer(tmp_path: Path) -> None:
    """For a person: the prompt as it is, where the answer goes, and its form. Programs need not look at it."""
    person = Person(tmp_path, b"{}")
    schema = {"type": "object", "properties": {"claim": {"type": "string"}}}
    call = make_call("a/reading", schema=schema, model="mailbox")
    said = "第一行\n\n## 标题\n\n$$x$$"
    call = replace(call, messages=(*call.messages[:-1], Message("user", said)))
    run(open_model(f"mailbox:{tmp_path}", settings(person)).send(call))
    stem = message_id(call)
    text = (tmp_path / f"{stem}.request.md").read_text(encoding="utf-8")
    assert text.startswith("# a/reading\n")
    assert f"`{stem}.reply.md`" in text
    assert "one JSON object" in text
    assert "at most 50 tokens" in text
    assert [message.content in text for message in call.messages] == [True, True]
    shown = text.rpartition("```json\n")[2].removesuffix("\n```\n")
    assert json.loads(shown) == schema
    assert person.seen == [f"{stem}.request.json"], "one request, whatever lies beside it"


def test_a_request_for_text_names_no_schema(tmp_path: Path) -> None:
    call = make_call("a/theory.1/write", model="mailbox")
    run(open_model(f"mailbox:{tmp_path}", settings(Person(tmp_path, "好。".encode()))).send(call))
    text = (tmp_path / f"{message_id(call)}.request.md").read_text(encoding="utf-8")
    assert "JSON" not in text
    assert "the text, and nothing else" in text


def test_a_moved_folder_keeps_its_ledger(tmp_path: Path) -> None:
    box = tmp_path / "box"
    person = Person(box, "好。".encode())
    desk = Desk(tmp_path / "l.db", open_model(f"mailbox:{box}", settings(person)))
    first = desk.ask(make_request())
    moved = tmp_path / "elsewhere"
    desk.model = open_model(f"mailbox:{moved}", settings(person))
    assert desk.model.identity == "mailbox"
    assert desk.ask(make_request()) == first
    assert not moved.exists()


def test_an_old_answer_never_fits_a_new_prompt(tmp_path: Path) -> None:
    person = Person(tmp_path, "旧的。".encode(), "新的。".encode())
    desk = Desk(tmp_path / "l.db", open_model(f"mailbox:{tmp_path}", settings(person)))
    assert desk.ask(make_request(text="旧的问题"))[0].text == "旧的。"
    assert desk.ask(make_request(text="新的问题"))[0].text == "新的。"


def test_an_answer_that_is_there_already_is_taken_without_waiting(tmp_path: Path) -> None:
    call = make_call(model="mailbox")
    (tmp_path / f"{message_id(call)}.reply.md").write_text("好。", encoding="utf-8")
    person = Person(tmp_path)
    assert run(open_model(f"mailbox:{tmp_path}", settings(person)).send(call)).text == "好。"
    assert person.sleeps == 0
    assert list(tmp_path.glob("*.request.json")) == []


def test_a_malformed_answer_gets_a_second_request(tmp_path: Path) -> None:
    person = Person(tmp_path, "没有".encode(), b"", "好。".encode())
    desk = Desk(tmp_path / "l.db", open_model(f"mailbox:{tmp_path}", settings(person)))
    assert desk.ask(make_request())[0].text == "好。"
    assert [name[:6] for name in person.seen] == ["a.b-0-", "a.b-1-", "a.b-2-"]


def test_an_answer_that_is_no_utf8(tmp_path: Path) -> None:
    person = Person(tmp_path, "梯度".encode("gb18030"))
    with pytest.raises(Rejected, match="not UTF-8 at byte 0"):
        run(open_model(f"mailbox:{tmp_path}", settings(person)).send(make_call()))


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    model = open_model(f"mailbox:{tmp_path}/file/box", settings(Person(tmp_path)))
    with pytest.raises(NotConfigured, match="a/b"):
        run(model.send(make_call()))


def test_ids_are_file_names() -> None:
    call = make_call("." + "隐藏在动量中的梯度累积少更新几步效果反而更好" * 9 + "/theory.2/a b?*/write")
    name = message_id(call)
    assert len(name.encode()) < 150
    assert not set(name) & set('/\\?*:"<>| ')
    assert not name.startswith(".")
    assert ".theory.2.a-b--.write-0-" in name
    assert message_id(replace(call, attempt=1)) != name


def test_ids_of_names_without_structure() -> None:
    assert len(message_id(make_call("a/" + "长" * 400)).encode()) < 150


def test_usage_is_ours_to_count(tmp_path: Path) -> None:
    call = make_call(model="mailbox")
    (tmp_path / f"{message_id(call)}.reply.md").write_text("好" * 100, encoding="utf-8")
    reply: Reply = run(open_model(f"mailbox:{tmp_path}", ModelSettings(env={})).send(call))
    assert 20 <= reply.usage.completion <= 100
