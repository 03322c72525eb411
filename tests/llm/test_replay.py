"""replay: a recording answers in place of the model it was made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.errors import NotConfigured, NotRecorded
from agent.llm import Ledger, ModelSettings, open_model
from agent.records import Reply, Usage
from tests.llm.helpers import Desk, FakeModel, make_call, make_request, run


def record(tmp_path: Path, *answers: Any, requests: Any = None) -> Path:
    desk = Desk(tmp_path / "live.db", FakeModel(list(answers)))
    for request in requests or [make_request()]:
        desk.ask(request)
    with Ledger(desk.path) as ledger:
        ledger.export(tmp_path / "recording.jsonl")
    return tmp_path / "recording.jsonl"


def replay(tmp_path: Path, file: Path) -> Desk:
    return Desk(tmp_path / "replayed.db", open_model(f"replay:{file}", ModelSettings(env={})))


def test_round_trip_takes_the_same_way(tmp_path: Path) -> None:
    live = ["没有", Reply("前半，", "length", Usage(9, 3, 4)), "后半。"]
    file = record(tmp_path, *live)
    desk = replay(tmp_path, file)
    (answer,) = desk.ask(make_request())
    assert answer.text == "前半，后半。"
    assert answer.usage == Usage(29, 3, 14)
    assert not answer.changed
    assert [row[1:] for row in desk.rows()] == [
        (0, "rejected", "没有句号"),
        (1, "rejected", "it stopped at the length limit"),
        (2, "ok", ""),
    ]
    # What a replay stores can be exported again, and says the same but for the model.
    with Ledger(desk.path) as ledger:
        ledger.export(tmp_path / "again.jsonl")
    again = (tmp_path / "again.jsonl").read_text(encoding="utf-8")
    assert again.replace('"model": "replay"', '"model": "fake:m"') == file.read_text(encoding="utf-8")


def test_a_changed_prompt_is_answered_and_noticed(tmp_path: Path) -> None:
    desk = replay(tmp_path, record(tmp_path, "好。"))
    (answer,) = desk.ask(make_request(text="问法变了"))
    assert (answer.text, answer.changed) == ("好。", True)
    assert "changed" in desk.kinds()
    # Also when the answer comes out of the ledger.
    assert desk.ask(make_request(text="问法变了"))[0].changed
    assert not desk.ask(make_request())[0].changed


def test_of_several_answers_the_one_to_this_prompt(tmp_path: Path) -> None:
    requests = [make_request(text="甲"), make_request(text="乙")]
    desk = replay(tmp_path, record(tmp_path, "答甲。", "答乙。", requests=requests))
    assert [a.text for a in desk.ask(*requests)] == ["答甲。", "答乙。"]
    (last,) = desk.ask(make_request(text="丙"))
    assert (last.text, last.changed) == ("答乙。", True)


def test_what_is_not_recorded(tmp_path: Path) -> None:
    desk = replay(tmp_path, record(tmp_path, "好。"))
    error = desk.fails(make_request("a/other"))
    assert isinstance(error, NotRecorded)
    assert "a/other" in str(error)
    assert "recording.jsonl" in str(error)
    assert str(tmp_path) not in str(error)
    assert "--model" in error.hint
    assert desk.clock.waits == []


def test_a_recording_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "hand.jsonl"
    file.write_text('{"name": "a/b", "text": "好。"}\n\n', encoding="utf-8")
    (answer,) = replay(tmp_path, file).ask(make_request())
    assert (answer.text, answer.changed, answer.usage.counted) == ("好。", False, False)


def test_line_separators_inside_a_text_do_not_split_it(tmp_path: Path) -> None:
    file = record(tmp_path, "一\u2028二\x85三。")
    assert replay(tmp_path, file).ask(make_request())[0].text == "一\u2028二\x85三。"


def test_the_identity_holds_no_path(tmp_path: Path) -> None:
    model = open_model(f"replay:{record(tmp_path, '好。')}", ModelSettings(env={}))
    assert model.identity == "replay"
    assert run(model.send(make_call())).text == "好。"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "line 1"),
        ('{"name": "a"}', "line 1.*text"),
        ('{"name": "a", "text": "x"}\n{"name": 3, "text": "x"}', "line 2"),
        ('{"name": "a", "text": "x", "finish_reason": "tired"}', "tired"),
        ('{"name": "a", "text": "x", "usage": {"much": 1}}', "line 1"),
        ('{"name": "a", "text": "x", "usage": {"prompt": "many"}}', "line 1.*usage.prompt 'many'"),
        ('{"name": "a", "text": "x", "usage": {"prompt": null}}', "usage.prompt None"),
        ('{"name": "a", "text": "x", "usage": {"completion": -1}}', "usage.completion -1"),
        ('{"name": "a", "text": "x", "usage": {"cached": true}}', "usage.cached True"),
        ('{"name": "a", "text": "x", "usage": {"written": 1.5}}', "usage.written 1.5"),
        ('{"name": "a", "text": "x", "usage": {"prompt": 9223372036854775808}}', "usage.prompt 9223"),
        ('{"name": "a", "text": "x", "usage": {"counted": 1}}', "usage.counted 1"),
        ('{"name": "a", "text": "x", "usage": [1]}', "line 1"),
        ("[]", "line 1"),
        (json.dumps("x"), "line 1"),
    ],
)
def test_a_file_that_is_no_recording(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text(content)
    with pytest.raises(NotConfigured, match=words):
        open_model(f"replay:{file}", ModelSettings(env={}))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="No such file"):
        open_model(f"replay:{tmp_path}/none.jsonl", ModelSettings(env={}))
    (tmp_path / "gb.jsonl").write_bytes("梯".encode("gb18030"))
    with pytest.raises(NotConfigured, match="not UTF-8"):
        open_model(f"replay:{tmp_path}/gb.jsonl", ModelSettings(env={}))
