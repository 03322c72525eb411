"""A key reaches the service and nothing else: no log, file, row, repr or error, also when the service echoes
it."""

from __future__ import annotations

import io
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import ExpandError, NotConfigured
from agent.llm import Ledger, ModelSettings, RetryPolicy, open_model
from agent.llm.redact import redact
from tests.fakes.openai_server import ErrorEvent, FakeOpenAI, Status, Step, Text
from tests.llm.helpers import SECRET, Desk, make_request, openai_model

ECHOES: list[Step] = [
    Status(401, f"Incorrect API key provided: {SECRET}."),
    Status(401, f"Incorrect API key provided: {SECRET[:9]}********{SECRET[-4:]}."),
    Status(400, f"got headers {{'Authorization': 'Bearer {SECRET}'}}"),
    Status(500, body=f"<pre>{'x' * 280} {SECRET}</pre>"),
    Status(429, f"key {SECRET} is over its limit", headers={"X-Key": SECRET}),
    Status(403, body=f'{{"detail": "{SECRET}"}}'),
    ErrorEvent(f"no: {SECRET}"),
    Text(f"你的钥匙是 {SECRET}"),
    Text("", refusal=f"I will not repeat {SECRET}"),
]


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """All loggers at their most talkative."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    names = ["", "openai", "openai._base_client", "httpx2", "httpcore2", "asyncio"]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def parts_of_the_secret() -> tuple[str, ...]:
    return SECRET, SECRET[:9], SECRET[-4:]


@pytest.mark.parametrize(
    "step", ECHOES, ids=lambda step: type(step).__name__ + str(getattr(step, "status", ""))
)
def test_an_echoed_key_goes_nowhere(
    tmp_path: Path, everything_logged: io.StringIO, capfd: pytest.CaptureFixture[str], step: Step
) -> None:
    with FakeOpenAI(*[step] * 3) as server:
        desk = Desk(tmp_path / "ledger.db", openai_model(server), retry=RetryPolicy(tries=2, rng=lambda: 0.0))
        error = desk.fails(make_request())
        assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    with Ledger(desk.path) as ledger:
        ledger.export(tmp_path / "recording.jsonl")
    shown = [
        *(str(error), repr(error), error.hint, repr(error.args)),
        *traceback.format_exception(error),
        *chain(error),
        *(repr(event) for event in desk.events),
        *(repr(desk.model), repr(vars(desk.model)["_settings"])),
        everything_logged.getvalue(),
        *capfd.readouterr(),
        *(file.read_bytes().decode("utf-8", "replace") for file in tmp_path.iterdir()),
    ]
    assert everything_logged.getvalue()
    for part in parts_of_the_secret():
        assert [text for text in shown if part in text] == []


def chain(error: BaseException | None) -> Iterator[str]:
    """All that a debugger or a crash reporter would reach from the error."""
    while error is not None:
        yield repr(vars(error)) + repr(error.args)
        response = getattr(error, "response", None)
        if response is not None:
            yield repr(dict(response.request.headers)) + response.text
        error = error.__cause__ or error.__context__


def test_no_error_of_the_sdk_hangs_on_ours(tmp_path: Path) -> None:
    with FakeOpenAI(Status(401, "no")) as server:
        error = Desk(tmp_path / "l.db", openai_model(server)).fails(make_request())
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_key_in_the_address_goes_nowhere(
    tmp_path: Path, everything_logged: io.StringIO, fake_openai: FakeOpenAI
) -> None:
    fake_openai.push(Status(401, "no"), Text("好。"))
    address = fake_openai.base_url.replace("://", "://me:hunter2hunter2@") + "?key=hunter2hunter2"
    desk = Desk(tmp_path / "ledger.db", openai_model(fake_openai, base_url=address))
    error = desk.fails(make_request())
    desk.ask(make_request())
    shown = [str(error), error.hint, repr(desk.events), everything_logged.getvalue(), repr(desk.model)]
    shown += [file.read_bytes().decode("utf-8", "replace") for file in tmp_path.iterdir()]
    assert [text for text in shown if "hunter2" in text] == []


def test_settings_do_not_show_the_key() -> None:
    settings = ModelSettings(api_key=SECRET, env={"OPENAI_API_KEY": SECRET})
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)


@pytest.mark.parametrize("key", [f"{SECRET}\n{SECRET}", f"{SECRET} x", f"{SECRET}钥"])
def test_a_key_that_cannot_be_sent_is_not_shown(key: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        open_model("openai:m", ModelSettings(api_key=key, env={}))
    assert SECRET not in str(caught.value)


def test_a_line_break_after_the_key_is_harmless(fake_openai: FakeOpenAI, tmp_path: Path) -> None:
    fake_openai.push(Text("好。"))
    Desk(tmp_path / "l.db", openai_model(fake_openai, api_key=f"{SECRET}\n")).ask(make_request())
    assert fake_openai.requests[0].headers["authorization"] == f"Bearer {SECRET}"


def test_errors_can_be_carried_between_processes_without_the_key(tmp_path: Path) -> None:
    with FakeOpenAI(Status(401, SECRET)) as server:
        error = Desk(tmp_path / "l.db", openai_model(server)).fails(make_request())
    assert isinstance(error, ExpandError)
    assert SECRET.encode() not in pickle.dumps((type(error), error.args, error.hint))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bearer abc123 x", "Bearer [key] x"),
        ("sk-abc***xyz9 is wrong", "[key] is wrong"),
        ("risk-averse task-based", "risk-averse task-based"),
        ("the word none", "the word none"),
    ],
)
def test_redact(text: str, shown: str) -> None:
    assert redact(text, ("none",)) == shown
