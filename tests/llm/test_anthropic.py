"""Anthropic through LangChain, against a stand-in on loopback: its prompt cache, its limits, its faults."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.errors import ContextOverflow, ModelError, Rejected, Unavailable
from agent.llm import Ledger, Model, ModelSettings, RetryPolicy, cost_of, open_model
from agent.llm.budget import worst_case
from agent.llm.rates import Limited, Quota, Quotas
from agent.records import Call, Reply, Usage
from tests.fakes.anthropic_server import FakeAnthropic
from tests.fakes.openai_server import CutStream, ErrorEvent, Reset, Status, Step, Text
from tests.llm.helpers import SECRET, Desk, make_call, make_request, run

pytest.importorskip("langchain_anthropic", reason="pip install 'expand-articles[anthropic]'")

SPEC = "anthropic:claude-sonnet-4-6"
SYSTEM, START = "你是作者", "<原文>甲乙丙丁</原文>"
NOW = 1_700_000_000.0
LONG = "梯度下降沿负梯度方向走一步，步长由学习率决定。"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAnthropic]:
    with FakeAnthropic() as fake:
        monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
        monkeypatch.setenv("ANTHROPIC_API_URL", fake.base_url)
        yield fake


def model() -> Model:
    return open_model(SPEC, ModelSettings(env={"ANTHROPIC_API_KEY": SECRET}, timeout=60.0, now=lambda: NOW))


def about(part: str, **fields: Any) -> Call:
    return make_call(f"a/{part}", f"{START}写第 {part} 部分", model=SPEC, shared=len(START), **fields)


def send(*calls: Call) -> list[Reply]:
    async def main() -> list[Reply]:
        opened = model()
        try:
            return [await opened.send(call) for call in calls]
        finally:
            await opened.aclose()

    return run(main())


def test_the_shared_start_is_marked_and_read_from_the_cache(server: FakeAnthropic) -> None:
    first, second = send(about("1"), about("2"))
    whole = len(SYSTEM) + len(START)
    assert first == Reply("fine", "stop", Usage(whole + 11, 0, 7, written=whole))
    assert second == Reply("fine", "stop", Usage(whole + 11, whole, 7))
    body = server.requests[1].body
    mark = {"type": "ephemeral"}
    assert body["system"] == [{"type": "text", "text": SYSTEM, "cache_control": mark}]
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": START, "cache_control": mark},
        {"type": "text", "text": "写第 2 部分"},
    ]


def test_without_a_shared_start_nothing_is_marked_and_billed(server: FakeAnthropic) -> None:
    (reply,) = send(make_call(model=SPEC))
    assert reply.usage == Usage(11, 0, 7)
    assert "cache_control" not in str(server.requests[0].body)


def test_writes_to_the_cache_are_priced_reserved_and_kept(tmp_path: Path) -> None:
    plain, kept = Usage(10_000, 0, 100), Usage(10_000, 0, 100, written=10_000)
    assert cost_of(SPEC, kept) - cost_of(SPEC, plain) == pytest.approx(0.25 * 10_000 * 3e-6)  # type: ignore[operator]
    assert worst_case(about("1"), 10_000) == Usage(10_000, 0, 50, written=10_000)
    assert worst_case(make_call(model=SPEC), 10_000) == Usage(10_000, 0, 50)
    with Ledger(tmp_path / "l.db") as ledger:
        row = ledger.put(about("1"), Reply("好。", usage=kept), seconds=1)
        assert row.reply.usage == kept
        assert [entry.usage for entry in ledger.since(0)] == [kept]
        assert ledger.verify() == []


HEADERS = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:21Z",
    "anthropic-ratelimit-tokens-limit": "40000",
    "anthropic-ratelimit-tokens-remaining": "30000",
    "anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:50Z",
}
LEFT = Quotas(Quota(50, 49, 1), Quota(40000, 30000, 30))


@pytest.mark.parametrize(
    "step", [Text("好。", finish="end_turn", headers=HEADERS), Status(429, headers=HEADERS)]
)
def test_limits_are_heard_from_answers_and_from_refusals(server: FakeAnthropic, step: Step) -> None:
    server.push(step)

    async def main() -> None:
        opened = model()
        assert isinstance(opened, Limited)
        await asyncio.gather(opened.send(about("1")), return_exceptions=True)
        assert (opened.quotas(), opened.quotas()) == (LEFT, None)
        await opened.aclose()

    run(main())


def test_a_429_is_waited_for_as_long_as_it_says(server: FakeAnthropic, tmp_path: Path) -> None:
    server.push(Status(429, retry_after="17"), Text("好。", finish="end_turn"))
    desk = Desk(tmp_path / "l.db", model(), RetryPolicy(rng=lambda: 0.0))
    assert desk.ask(make_request())[0].text == "好。"
    assert 17 in desk.clock.waits


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (Status(429), Unavailable),
        (Status(500), Unavailable),
        (Status(529), Unavailable),
        (Reset(), Unavailable),
        (Reset("half"), Unavailable),
        (CutStream(), Unavailable),
        (CutStream(clean=True), Unavailable),
        (ErrorEvent(), Unavailable),
        (Text("half", finish=None), Unavailable),
        (Status(401), Rejected),
        (Status(404), Rejected),
        (Status(400, "prompt is too long: 9 tokens > 8 maximum"), ContextOverflow),
    ],
    ids=repr,
)
def test_faults(server: FakeAnthropic, step: Step, kind: type[ModelError]) -> None:
    server.push(step)
    with pytest.raises(ModelError) as caught:
        send(about("1"))
    assert type(caught.value) is kind, caught.value
    assert str(caught.value).startswith(f"a/1: {SPEC}")
    assert SECRET not in str(caught.value)
    assert getattr(caught.value, "limited", False) == (isinstance(step, Status) and step.status == 429)


def test_a_reply_that_grows_past_its_limit_is_broken_off(server: FakeAnthropic) -> None:
    server.push(Text(LONG * 20, finish="end_turn"))
    (reply,) = send(about("1"))
    assert (reply.finish_reason, reply.usage.counted) == ("length", False)
    assert 75 < reply.usage.completion < 85
