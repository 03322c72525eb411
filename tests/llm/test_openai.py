"""The openai vendor against a real server on loopback that misbehaves."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from agent.errors import ContextOverflow, CutOff, ModelError, NotConfigured, Refused, Rejected, Unavailable
from agent.llm import CallEvent, Client, Ledger, ModelSettings, RetryPolicy, open_model
from agent.records import Call, Reply, Usage
from agent.tokens import count
from tests.fakes.openai_server import (
    BadJson,
    CutStream,
    ErrorEvent,
    FakeOpenAI,
    Refusal,
    Reset,
    Stall,
    Status,
    Step,
    Text,
)
from tests.llm.helpers import SECRET, Desk, make_call, make_request, openai_model, purse, run

LONG = "梯度下降沿负梯度方向走一步，步长由学习率决定。"
ENDLESS = "梯度沿负方向走一步。" * 40


def send(server: FakeOpenAI, call: Call | None = None, **settings: Any) -> Reply:
    async def main() -> Reply:
        model = openai_model(server, **settings)
        try:
            return await model.send(call or make_call())
        finally:
            await model.aclose()

    return run(main())


def failure(*steps: Step, **settings: Any) -> ModelError:
    with FakeOpenAI(*steps) as server, pytest.raises(ModelError) as caught:
        send(server, **settings)
    return caught.value


@pytest.mark.parametrize("stream", [True, False])
def test_a_plain_answer(fake_openai: FakeOpenAI, stream: bool) -> None:
    fake_openai.push(Text(LONG))
    assert send(fake_openai, stream=stream) == Reply(LONG, "stop", Usage(11, 5, 7))
    seen = fake_openai.requests[0]
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == f"Bearer {SECRET}"
    assert seen.body["model"] == "any"
    assert seen.body["max_tokens"] == 50
    assert [m["role"] for m in seen.body["messages"]] == ["system", "user"]


def test_tokens_are_told_as_they_come(fake_openai: FakeOpenAI) -> None:
    fake_openai.push(Text(LONG, chunk=4, reasoning=LONG))
    told: list[int] = []
    run(openai_model(fake_openai).send(make_call(), on_token=told.append))
    assert told == sorted(told)
    assert told[0] <= 4
    assert 2 * count(LONG) <= told[-1] < 3 * count(LONG)


@pytest.mark.parametrize("chunk", [5, len(ENDLESS)])
def test_a_stream_that_broke_off_costs_what_had_arrived(
    tmp_path: Path, fake_openai: FakeOpenAI, chunk: int
) -> None:
    """However many chunks it came in."""
    fake_openai.push(Text(ENDLESS, chunk=chunk, finish=None), Text(LONG))
    budget, spent = purse()
    request = make_request(params={"max_tokens": 500})
    Desk(tmp_path / "l.db", openai_model(fake_openai), options={"budget": budget}).ask(request)
    lost = spent["a"] - 11 - 7
    assert count(ENDLESS) < lost < 1.5 * count(ENDLESS) + 60


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("step", "reply"),
    [
        (Text(LONG, finish="length"), Reply(LONG, "length", Usage(11, 5, 7))),
        (Text("", finish="content_filter"), Reply("", "refused", Usage(11, 5, 7))),
        (Refusal("I cannot"), Reply("I cannot", "refused", Usage(11, 5, 7))),
        (Text(""), Reply("", "stop", Usage(11, 5, 7))),
        (Text(LONG, finish="eos"), Reply(LONG, "stop", Usage(11, 5, 7))),
    ],
)
def test_how_an_answer_ends(fake_openai: FakeOpenAI, step: Step, reply: Reply, stream: bool) -> None:
    fake_openai.push(step)
    assert send(fake_openai, stream=stream) == reply


@pytest.mark.parametrize("stream", [True, False])
def test_without_usage_we_count(fake_openai: FakeOpenAI, stream: bool) -> None:
    fake_openai.push(Text(LONG, usage=None))
    usage = send(fake_openai, stream=stream).usage
    assert not usage.counted
    assert usage.prompt > 8
    assert usage.completion > 8


def test_usage_of_another_vendor(fake_openai: FakeOpenAI) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_cache_hit_tokens": 4}
    fake_openai.push(Text("好", usage=usage))
    assert send(fake_openai).usage == Usage(9, 4, 3)


TRANSPORT = [
    Status(429, "slow down"),
    Status(500),
    Status(502, body="<html>bad gateway</html>"),
    Status(503),
    Status(529),
    Status(408),
    Status(409),
    Reset(),
    Reset("half"),
    CutStream(),
    CutStream(clean=True),
    BadJson(),
    BadJson("not even close"),
    ErrorEvent(),
    Text("half", finish="error"),
    Text("half", finish="insufficient_system_resource"),
    Text("half", finish=None),
]


@pytest.mark.parametrize("step", TRANSPORT, ids=repr)
def test_transport_failures_are_unavailable(step: Step) -> None:
    error = failure(step)
    assert type(error) is Unavailable, error
    assert "a/b" in str(error)
    assert "openai:any@127.0.0.1" in str(error)


@pytest.mark.parametrize("step", TRANSPORT, ids=repr)
def test_after_a_transport_failure_the_answer_is_whole(tmp_path: Path, step: Step) -> None:
    with FakeOpenAI(step, Text(LONG)) as server:
        desk = Desk(tmp_path / "l.db", openai_model(server))
        (answer,) = desk.ask(make_request())
        assert answer.text == LONG
        assert len(answer.rows) == 1
        assert len(server.requests) == 2
        assert 0 < sum(desk.clock.waits) <= 1
        assert desk.rows() == [("a/b", 0, "ok", "")]


def test_an_empty_body_without_stream_is_unavailable() -> None:
    assert type(failure(BadJson("{}"), stream=False)) is Unavailable
    assert type(failure(BadJson("not json"), stream=False)) is Unavailable


def stalled(server: FakeOpenAI, step: Stall, chunks: int) -> Reply | ModelError:
    """What becomes of a stall behind so many chunks. On a busy machine the time-out can be over before they have come;
    then it was too short."""
    for timeout in (0.2, 1.0, 5.0, 25.0):
        server.push(step)
        told: list[int] = []
        outcome: Reply | ModelError
        try:
            outcome = run(openai_model(server, timeout=timeout).send(make_call(), on_token=told.append))
        except ModelError as error:
            outcome = error
        if len(told) == chunks:
            return outcome
    raise AssertionError(f"{len(told)} of {chunks} chunks, then {outcome!r}")


def test_a_stall_ends_after_the_time_out(fake_openai: FakeOpenAI) -> None:
    assert type(stalled(fake_openai, Stall("half"), 1)) is Unavailable
    assert type(failure(Stall(), timeout=0.2, stream=False)) is Unavailable


def test_a_whole_text_whose_end_marker_stalls_is_kept(fake_openai: FakeOpenAI) -> None:
    reply = stalled(fake_openai, Stall(LONG, finish="stop"), -(-len(LONG) // 5) + 1)
    assert isinstance(reply, Reply), reply
    assert (reply.text, reply.finish_reason, reply.usage.counted) == (LONG, "stop", False)


def test_cancelled_after_the_text_was_whole_it_is_stored(tmp_path: Path, fake_openai: FakeOpenAI) -> None:
    fake_openai.push(Stall(LONG, finish="stop"))
    chunks = iter(range(-(-len(LONG) // 5) + 1))

    async def main() -> None:
        def observe(event: CallEvent) -> None:
            if event.kind == "tokens" and next(chunks, 0) == -(-len(LONG) // 5):
                asyncio.get_running_loop().call_soon(task.cancel)

        with Ledger(tmp_path / "l.db") as ledger:
            client = Client(ledger, {"default": openai_model(fake_openai)}, observe=observe)
            task = asyncio.create_task(client.ask(make_request()))
            with pytest.raises(asyncio.CancelledError):
                await task
            assert [row.reply.text for row in ledger.rows()] == [LONG]
            await client.aclose()

    run(main())


def test_cancelled_before_the_end_nothing_is_stored(tmp_path: Path, fake_openai: FakeOpenAI) -> None:
    fake_openai.push(Stall(LONG))

    async def main() -> None:
        def observe(event: CallEvent) -> None:
            if event.kind == "tokens":
                asyncio.get_running_loop().call_soon(task.cancel)

        with Ledger(tmp_path / "l.db") as ledger:
            client = Client(ledger, {"default": openai_model(fake_openai)}, observe=observe)
            task = asyncio.create_task(client.ask(make_request()))
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ledger.rows() == []
            await client.aclose()

    run(main())


def test_nobody_listens() -> None:
    with FakeOpenAI() as server:
        model = openai_model(server)
    with pytest.raises(Unavailable):
        run(model.send(make_call()))


@pytest.mark.parametrize(
    ("step", "kind", "words"),
    [
        (Status(400, "what is this"), Rejected, "what is this"),
        (Status(401, "bad key"), Rejected, "bad key"),
        (Status(402, "no credit"), Rejected, "no credit"),
        (Status(403, "not you"), Rejected, "not you"),
        (Status(404, "no such model"), Rejected, "no such model"),
        (Status(418, "teapot"), Rejected, "teapot"),
        (Status(422, "what is this"), Rejected, "what is this"),
        (Status(429, "pay first", code="insufficient_quota"), Rejected, "pay first"),
        (Status(413, "too much"), ContextOverflow, "too much"),
        (Status(400, "This model's maximum context length is 8192 tokens."), ContextOverflow, "8192"),
        (Status(400, "too long", code="context_length_exceeded"), ContextOverflow, "too long"),
    ],
    ids=repr,
)
def test_what_retrying_cannot_mend(step: Step, kind: type[ModelError], words: str) -> None:
    error = failure(step)
    assert type(error) is kind
    assert words in str(error)


AZURE = Status(400, "The response was filtered due to the prompt triggering a policy.", code="content_filter")
DASHSCOPE = Status(400, "Input data may contain inappropriate content.", code="data_inspection_failed")
FILTERS: list[Step] = [
    AZURE,
    DASHSCOPE,
    Status(400, "not this", code="content_policy_violation"),
    Status(400, "<400> InternalError.Algo.DataInspectionFailed: Input data may contain ..."),
    ErrorEvent("Output data may contain inappropriate content.", code="data_inspection_failed"),
]


@pytest.mark.parametrize("step", FILTERS, ids=repr)
def test_what_a_filter_declines_is_refused_and_says_nothing_about_the_endpoint(
    fake_openai: FakeOpenAI, step: Step
) -> None:
    fake_openai.push(step)
    told: list[CallEvent] = []
    model = openai_model(fake_openai, observe=told.append)

    async def both() -> None:
        with pytest.raises(Refused, match="a/b: openai:any@") as caught:
            await model.send(make_call(schema=SCHEMA))
        assert "filter" in caught.value.hint
        await model.send(make_call("a/c", schema=SCHEMA))
        await model.aclose()

    run(both())
    assert formats(fake_openai) == ["json_schema", "json_schema"]
    assert told == []


@pytest.mark.parametrize(
    ("step", "of_call"),
    [
        (Status(400, "what is this"), True),
        (Status(422, "what is this"), True),
        (Status(400, "Model Not Exist", code="invalid_request_error"), False),
        (Status(400, "API key not valid. Please pass a valid API key."), False),
        (Status(401), False),
        (Status(402), False),
        (Status(403), False),
        (Status(404), False),
        (Status(429, code="insufficient_quota"), False),
    ],
    ids=repr,
)
def test_a_complaint_about_the_call_is_told_from_one_about_the_settings(step: Step, of_call: bool) -> None:
    error = failure(step)
    assert isinstance(error, Rejected)
    assert error.of_call is of_call


def test_statuses_come_with_what_to_do() -> None:
    assert "base_url" in failure(Status(404, "no such model")).hint
    assert "OPENAI_API_KEY" in failure(Status(401)).hint


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": formatdate(1_000_090, usegmt=True)}, 90.0),
        ({"Retry-After": formatdate(999_000, usegmt=True)}, 0.0),
        ({"Retry-After-Ms": "1500"}, 1.5),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    error = failure(Status(429, headers=headers), now=lambda: 1_000_000.0)
    assert isinstance(error, Unavailable)
    assert error.retry_after == seconds


def test_retry_after_is_waited_for(tmp_path: Path, fake_openai: FakeOpenAI) -> None:
    fake_openai.push(Status(429, retry_after="17"), Text(LONG))
    desk = Desk(tmp_path / "l.db", openai_model(fake_openai), retry=RetryPolicy(rng=lambda: 0.0))
    desk.ask(make_request())
    assert desk.clock.waits == [17.0]


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


def formats(server: FakeOpenAI) -> list[str | None]:
    return [(seen.body.get("response_format") or {}).get("type") for seen in server.requests]


@pytest.mark.parametrize(
    ("refuses", "tried"),
    [
        ((), ["json_schema"]),
        (("json_schema",), ["json_schema", "json_object"]),
        (("json_schema", "json_object"), ["json_schema", "json_object", None]),
    ],
)
def test_json_falls_back_once(refuses: tuple[str, ...], tried: list[str | None]) -> None:
    with FakeOpenAI(refuses=refuses, answers=lambda body: '{"n": 1}') as server:
        model = openai_model(server)

        async def twice() -> None:
            await model.send(make_call(schema=SCHEMA))
            await model.send(make_call(schema=SCHEMA))
            await model.aclose()

        run(twice())
        assert formats(server) == [*tried, tried[-1]]
        last = server.requests[-1].said
        assert ('"properties":{"n"' in last) == bool(refuses)


def test_json_falls_back_in_calls_side_by_side() -> None:
    with FakeOpenAI(refuses=("json_schema",)) as server:
        model = openai_model(server)

        async def many() -> None:
            await asyncio.gather(*(model.send(make_call(f"a/{n}", schema=SCHEMA)) for n in range(4)))
            await model.send(make_call(schema=SCHEMA))
            await model.aclose()

        run(many())
        # All four may have tried the strictest; none of them went further than one step down.
        assert formats(server)[-1] == "json_object"
        assert None not in formats(server)


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        ("max_tokens", "max_completion_tokens"),
        ("temperature", None),
        ("seed", None),
        ("stream_options", None),
    ],
)
def test_fields_that_are_refused_are_left_out(refused: str, left: str | None) -> None:
    params = {"max_tokens": 50, "temperature": 0.3, "seed": 1}
    told: list[str] = []
    with FakeOpenAI(refuses=(refused,)) as server:
        model = openai_model(server, observe=lambda event: told.append(event.detail))

        async def twice() -> None:
            await model.send(make_call(params=params))
            await model.send(make_call(params=params))
            await model.aclose()

        run(twice())
        assert len(server.requests) == 3
        assert len(told) == 1
        body = server.requests[-1].body
        assert refused not in body
        if left:
            assert body[left] == 50


BOTH = ("max_tokens", "max_completion_tokens")


def test_where_neither_name_of_the_limit_is_taken_the_reply_is_broken_off_here(tmp_path: Path) -> None:
    """50 tokens were asked for and reserved: no more are paid for, and what there is counts as cut."""
    with FakeOpenAI(Text(ENDLESS), refuses=BOTH) as server:
        budget, spent = purse(cap_tokens=200)
        desk = Desk(tmp_path / "l.db", openai_model(server), options={"budget": budget})
        error = desk.fails(make_request(tries=1))
        assert type(error) is CutOff
        assert [event.kind for event in desk.events].count("rejected") == 1
        bodies = [seen.body for seen in server.requests]
        assert [[name for name in BOTH if name in body] for body in bodies] == [[BOTH[0]], [BOTH[1]], []]
        with Ledger(desk.path) as ledger:
            (row,) = ledger.rows()
        assert ENDLESS.startswith(row.reply.text)
        # The chunk that went over the limit is part of it.
        assert 50 < row.reply.usage.completion < 60
        assert not row.reply.usage.counted
        assert spent == {"a": row.reply.usage.prompt + row.reply.usage.completion}


def test_what_ends_within_the_limit_is_whole_where_none_is_taken() -> None:
    with FakeOpenAI(Text(LONG), refuses=BOTH) as server:
        assert send(server) == Reply(LONG, "stop", Usage(11, 5, 7))


def test_a_limit_that_is_taken_and_ignored_is_kept_here_with_tolerance(fake_openai: FakeOpenAI) -> None:
    fake_openai.push(Text(ENDLESS), Text(ENDLESS))
    reply = send(fake_openai)
    assert (reply.finish_reason, reply.usage.counted) == ("length", False)
    assert 75 < reply.usage.completion < 85
    # Within the tolerance the service's own count is believed.
    assert send(fake_openai, make_call(params={"max_tokens": 300})) == Reply(ENDLESS, "stop", Usage(11, 5, 7))


def test_reasoning_counts_towards_the_limit(fake_openai: FakeOpenAI) -> None:
    fake_openai.push(Text("好", reasoning=ENDLESS))
    reply = send(fake_openai)
    assert (reply.text, reply.finish_reason) == ("", "length")
    assert 75 < reply.usage.completion < 85


def test_without_streaming_a_limit_is_needed() -> None:
    with FakeOpenAI(refuses=BOTH) as server:
        with pytest.raises(Rejected, match="max_completion_tokens"):
            send(server, stream=False)
        assert len(server.requests) == 2


def test_calls_side_by_side_find_the_name_of_the_limit() -> None:
    with FakeOpenAI(refuses=("max_tokens",)) as server:
        model = openai_model(server)

        async def many() -> None:
            await asyncio.gather(*(model.send(make_call(f"a/{n}")) for n in range(6)))
            await model.aclose()

        run(many())
        assert [
            seen.body["max_completion_tokens"] for seen in server.requests if "max_tokens" not in seen.body
        ] == [50] * 6


def test_a_limit_that_is_too_large_is_not_dropped() -> None:
    error = failure(Status(400, "max_tokens is too large: 50. This model supports at most 10 tokens."))
    assert type(error) is Rejected


def test_unknown_params_reach_the_server(fake_openai: FakeOpenAI) -> None:
    send(fake_openai, make_call(params={"max_tokens": 5, "chat_template_kwargs": {"enable_thinking": False}}))
    assert fake_openai.requests[0].body["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        (None, "openai:m"),
        ("https://api.openai.com/v1/", "openai:m"),
        ("https://api.deepseek.com/v1", "openai:m@api.deepseek.com/v1"),
        ("http://127.0.0.1:8000/v1/", "openai:m@127.0.0.1:8000/v1"),
        ("http://me:secret@127.0.0.1:8000/v1?key=secret", "openai:m@127.0.0.1:8000/v1"),
    ],
)
def test_identity(url: str | None, identity: str) -> None:
    model = open_model("openai:m", ModelSettings(base_url=url, api_key=SECRET, env={}))
    assert model.identity == identity
    assert model.spec == "openai:m"


def test_settings_stand_before_the_environment() -> None:
    env = {"OPENAI_BASE_URL": "http://10.0.0.1:1/v1"}
    assert open_model("openai:m", ModelSettings(env=env)).identity == "openai:m@10.0.0.1:1/v1"
    url = "http://10.0.0.2/v1"
    assert open_model("openai:m", ModelSettings(base_url=url, env=env)).identity == "openai:m@10.0.0.2/v1"


def test_a_key_is_needed_but_not_by_a_local_server(fake_openai: FakeOpenAI) -> None:
    with pytest.raises(NotConfigured) as caught:
        open_model("openai:m", ModelSettings(env={}))
    assert "OPENAI_API_KEY" in caught.value.hint
    assert send(fake_openai, api_key=None).text == "fine"
    assert fake_openai.requests[0].headers["authorization"] == "Bearer none"


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://x/v1",
        "http://",
        "nonsense",
        "http://localhost:80a0/v1",
        "http://x:70000/v1",
        "http://[::1/v1",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(NotConfigured, match="base_url"):
        open_model("openai:m", ModelSettings(base_url=url, env={}))


def test_the_context_window_of_a_known_model() -> None:
    known = open_model("openai:gpt-5-mini", ModelSettings(api_key=SECRET, env={}))
    assert known.context_window == 400_000
    assert open_model("openai:nobody-knows", ModelSettings(api_key=SECRET, env={})).context_window is None
    mine = ModelSettings(api_key=SECRET, env={}, context_window=5)
    assert open_model("openai:gpt-5-mini", mine).context_window == 5


def test_refused_at_every_attempt(tmp_path: Path) -> None:
    with FakeOpenAI(*[Refusal()] * 3) as server:
        error = Desk(tmp_path / "l.db", openai_model(server)).fails(make_request())
        assert type(error) is Refused
