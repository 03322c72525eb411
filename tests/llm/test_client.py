"""Attempts, storage and resuming, with a model in memory: the live path and the resumed one are the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.errors import (
    ContextOverflow,
    CutOff,
    EmptyReply,
    Malformed,
    NotConfigured,
    Refused,
    Rejected,
    Unavailable,
)
from agent.llm import Client, Ledger, Request, RetryPolicy, json_parser, key_of
from agent.llm.attempts import join
from agent.records import Message, Reply, Usage
from tests.llm.helpers import Desk, FakeModel, make_request, run


def desk(tmp_path: Path, *answers: Any, **fields: Any) -> Desk:
    model = FakeModel(list(answers))
    return Desk(tmp_path / "ledger.db", model, **fields)


def asked(d: Desk) -> list[tuple[int, list[str]]]:
    assert isinstance(d.model, FakeModel)
    return [(c.attempt, [m.content for m in c.messages]) for c in d.model.calls]


def test_a_usable_answer(tmp_path: Path) -> None:
    d = desk(tmp_path, "好。")
    (answer,) = d.ask(make_request())
    assert (answer.value, answer.text, answer.usage) == ("好。", "好。", Usage(10, 0, 5))
    assert d.kinds() == ["sent", "stored"]
    assert d.rows() == [("a/b", 0, "ok", "")]


def test_a_stored_answer_is_never_asked_again(tmp_path: Path) -> None:
    d = desk(tmp_path, "好。")
    first = d.ask(make_request())
    assert d.ask(make_request()) == first
    assert d.kinds() == ["sent", "stored", "reused"]


def test_the_same_question_at_once_is_paid_once(tmp_path: Path) -> None:
    d = desk(tmp_path, "好。")
    answers = d.ask(*[make_request()] * 5)
    assert {a.text for a in answers} == {"好。"}
    assert len(asked(d)) == 1


def test_a_malformed_reply_is_told_what_was_wrong(tmp_path: Path) -> None:
    d = desk(tmp_path, "没说完", "好。")
    (answer,) = d.ask(make_request())
    assert asked(d)[1] == (1, ["你是作者", "写一段", "没说完", "重写：没有句号"])
    assert answer.text == "好。"
    assert len(answer.rows) == 2
    assert answer.usage == Usage(20, 0, 10)
    assert d.rows() == [("a/b", 0, "rejected", "没有句号"), ("a/b", 1, "ok", "")]


def test_a_new_try_carries_the_last_reply_only(tmp_path: Path) -> None:
    d = desk(tmp_path, "一", "二", "好。")
    d.ask(make_request())
    assert asked(d)[2] == (2, ["你是作者", "写一段", "二", "重写：没有句号"])


def test_a_cut_reply_is_joined_and_checked_whole(tmp_path: Path) -> None:
    d = desk(tmp_path, Reply("前半，", "length"), Reply("中间，", "length"), "后半。")
    (answer,) = d.ask(make_request())
    assert answer.text == "前半，中间，后半。"
    assert asked(d)[1] == (1, ["你是作者", "写一段", "前半，", "请接着写"])
    assert asked(d)[2] == (2, ["你是作者", "写一段", "前半，中间，", "请接着写"])
    assert [row[2:] for row in d.rows()] == [
        ("rejected", "it stopped at the length limit"),
        ("rejected", "it stopped at the length limit"),
        ("ok", ""),
    ]


def test_a_join_that_does_not_hold_is_no_text(tmp_path: Path) -> None:
    d = desk(tmp_path, Reply("前半，", "length"), "后半", "重写的全文。")
    (answer,) = d.ask(make_request())
    assert answer.text == "重写的全文。"
    assert asked(d)[2] == (2, ["你是作者", "写一段", "前半，后半", "重写：没有句号"])


def test_a_continuation_that_repeats_the_end(tmp_path: Path) -> None:
    end = "，从而损失函数沿着负梯度方向单调下降并且收敛到驻点"
    d = desk(tmp_path, Reply("由 L-光滑性可得" + end, "length"), end + "，证毕。")
    (answer,) = d.ask(make_request())
    assert answer.text == "由 L-光滑性可得" + end + "，证毕。"


def test_a_short_repetition_may_be_meant() -> None:
    assert join("a + b", "b + c") == "a + bb + c"
    assert join("", "x") == "x"


def test_without_text_our_words_join_the_question(tmp_path: Path) -> None:
    d = desk(tmp_path, "  \n", "好。")
    d.ask(make_request())
    assert asked(d)[1] == (1, ["你是作者", "写一段\n\n重写：it holds no text"])
    assert [m.role for m in d.model.calls[1].messages] == ["system", "user"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("replies", "kind", "problem"),
    [
        (["x", "x", "x"], Malformed, "没有句号"),
        ([Reply("x", "length")] * 3, CutOff, "it stopped at the length limit"),
        ([Reply("", "length")] * 3, CutOff, "before any text"),
        (["", " ", "\n"], EmptyReply, "it holds no text"),
        ([Reply("I cannot", "refused")] * 3, Refused, "declined"),
        ([Reply("x", "error")] * 3, Malformed, "reported an error"),
    ],
)
def test_attempts_end_in_a_named_error(
    tmp_path: Path, replies: list[Any], kind: type[Exception], problem: str
) -> None:
    d = desk(tmp_path, *replies)
    error = d.fails(make_request())
    assert type(error) is kind
    assert "a/b" in str(error)
    assert problem in str(error)
    assert [row[2] for row in d.rows()] == ["rejected"] * 3
    # Run again: the same way to the same end, and nothing is asked.
    d.events.clear()
    again = d.fails(make_request())
    assert (type(again), str(again)) == (kind, str(error))
    assert d.kinds() == ["reused"] * 3


def test_tried_once_more_it_numbers_on_and_carries_the_last_problem(tmp_path: Path) -> None:
    d = desk(tmp_path, "一", "二", "三", "好。")
    error = d.fails(make_request())
    assert getattr(error, "next_attempt", None) == 3
    (answer,) = d.ask(make_request(first_attempt=3))
    assert asked(d)[3] == (3, ["你是作者", "写一段", "三", "重写：没有句号"])
    assert len(answer.rows) == 4
    d.events.clear()
    assert d.ask(make_request(first_attempt=3)) == [answer]
    assert d.kinds() == ["reused"] * 4


def test_tried_once_more_a_usable_reply_is_kept(tmp_path: Path) -> None:
    d = desk(tmp_path, "好。")
    first = d.ask(make_request())
    assert d.ask(make_request(first_attempt=3)) == first


def test_tried_once_more_without_a_past(tmp_path: Path) -> None:
    d = desk(tmp_path, "好。")
    d.ask(make_request(first_attempt=3))
    assert asked(d) == [(3, ["你是作者", "写一段"])]


def test_a_reply_is_stored_before_anybody_looks_at_it(tmp_path: Path) -> None:
    def breaks(text: str) -> str:
        raise ZeroDivisionError("a mistake of ours")

    d = desk(tmp_path, "好。")
    with pytest.raises(ZeroDivisionError):
        d.ask(make_request(parse=breaks))
    assert d.rows() == [("a/b", 0, "unjudged", "")]
    (answer,) = d.ask(make_request())
    assert answer.text == "好。"
    assert d.rows() == [("a/b", 0, "ok", "")]
    assert len(asked(d)) == 1


def test_a_parser_that_grew_stricter_does_not_use_an_old_row(tmp_path: Path) -> None:
    d = desk(tmp_path, "短。", "长一点的。")
    d.ask(make_request())

    def strict(text: str) -> str:
        if len(text) < 3:
            raise Malformed("太短")
        return text

    (answer,) = d.ask(make_request(parse=strict))
    assert answer.text == "长一点的。"


def test_a_parser_that_grew_laxer_does_not_use_a_rejected_row(tmp_path: Path) -> None:
    d = desk(tmp_path, "没有", "好。")
    d.ask(make_request())
    (answer,) = d.ask(make_request(parse=lambda text: text))
    assert answer.text == "好。"


def test_json_with_a_schema(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    d = desk(tmp_path, '{"n": "三"}', '```json\n{"n": 3}\n```')
    request: Request[int] = make_request(  # type: ignore[assignment]
        schema=schema, parse=json_parser(schema, lambda value: int(value["n"]))
    )
    (answer,) = d.ask(request)
    assert answer.value == 3
    assert d.rows()[0][3] == "$.n: '三' is not of type 'integer'"


def test_lone_surrogates_can_be_stored(tmp_path: Path) -> None:
    d = desk(tmp_path, json.loads('"半个\\ud83d。"'))
    (answer,) = d.ask(make_request())
    assert answer.text == "半个?。"


def test_transport_failures_are_tried_again_inside_one_attempt(tmp_path: Path) -> None:
    d = desk(tmp_path, Unavailable("429", retry_after=7), Unavailable("reset"), "好。")
    (answer,) = d.ask(make_request())
    assert [attempt for attempt, _ in asked(d)] == [0, 0, 0]
    assert d.clock.waits == [7.5, 1.0]
    assert d.kinds() == ["sent", "wait", "sent", "wait", "sent", "stored"]
    assert len(answer.rows) == 1


def test_what_retrying_cannot_mend_is_raised_at_once(tmp_path: Path) -> None:
    d = desk(tmp_path, Rejected("401"))
    assert isinstance(d.fails(make_request()), Rejected)
    assert d.clock.waits == []
    assert d.rows() == []


def test_a_service_that_keeps_failing(tmp_path: Path) -> None:
    d = desk(tmp_path, *[Unavailable("503")] * 9, retry=RetryPolicy(tries=3, rng=lambda: 1.0))
    error = d.fails(make_request())
    assert isinstance(error, Unavailable)
    assert str(error) == "503 (3 tries)"
    assert error.hint
    assert d.clock.waits == [1.0, 2.0]


def test_the_context_window_is_kept_before_anything_is_sent(tmp_path: Path) -> None:
    d = desk(tmp_path, "好。")
    assert isinstance(d.model, FakeModel)
    d.model.context_window = 60
    error = d.fails(make_request(text="字" * 100))
    assert isinstance(error, ContextOverflow)
    assert "50 for the reply" in str(error)
    assert "is 60" in str(error)
    assert asked(d) == []
    d.model.context_window = 600
    assert d.ask(make_request(text="字" * 100))[0].text == "好。"


def test_no_more_at_once_than_allowed(tmp_path: Path) -> None:
    now, most = 0, 0

    class Slow(FakeModel):
        async def send(self, call: Any, *, on_token: Callable[[int], None] | None = None) -> Reply:
            nonlocal now, most
            now += 1
            most = max(most, now)
            for _ in range(5):
                await asyncio.sleep(0)
            now -= 1
            return Reply("好。")

    d = Desk(tmp_path / "l.db", Slow([]), options={"concurrency": 3})
    d.ask(*(make_request(f"a/{n}", str(n)) for n in range(10)))
    assert most == 3


def test_a_reply_that_is_here_survives_a_cancellation(tmp_path: Path) -> None:
    d = desk(tmp_path, "好。")

    async def main() -> None:
        with Ledger(d.path) as ledger:

            def observe(event: Any) -> None:
                # The first thing told after the reply was stored.
                if event.kind == "stored":
                    task.cancel()

            client = Client(ledger, {"default": d.model}, observe=observe)

            async def two() -> None:
                await client.ask(make_request())
                await client.ask(make_request("a/c", "下一段"))

            task = asyncio.create_task(two())
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main())
    assert d.rows() == [("a/b", 0, "ok", "")]


def test_cancelled_in_the_moment_of_arrival_the_reply_is_stored(tmp_path: Path) -> None:
    class Cancels(FakeModel):
        async def send(self, call: Any, *, on_token: Callable[[int], None] | None = None) -> Reply:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            return Reply("好。")

    d = Desk(tmp_path / "ledger.db", Cancels([]))
    with pytest.raises(asyncio.CancelledError):
        d.ask(make_request())
    assert d.rows() == [("a/b", 0, "unjudged", "")]
    d.model = FakeModel([])
    assert d.ask(make_request())[0].text == "好。"


def test_cancelled_while_waiting_nothing_half_is_stored(tmp_path: Path) -> None:
    class Hangs(FakeModel):
        async def send(self, call: Any, *, on_token: Callable[[int], None] | None = None) -> Reply:
            started.set()
            await asyncio.Event().wait()
            raise AssertionError

    started = asyncio.Event()

    async def main() -> None:
        with Ledger(tmp_path / "l.db") as ledger:
            client = Client(ledger, {"default": Hangs([])})
            task = asyncio.create_task(client.ask(make_request()))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ledger.rows() == []

    run(main())


def test_roles(tmp_path: Path) -> None:
    async def main() -> None:
        with Ledger(tmp_path / "l.db") as ledger:
            writer, other = FakeModel(["写。"]), FakeModel(["审。"], identity="fake:other")
            client = Client(ledger, {"writer": writer, "default": other})
            assert (await client.ask(make_request(role="writer"))).text == "写。"
            assert (await client.ask(make_request(role="referee"))).text == "审。"
            with pytest.raises(NotConfigured, match="role coder"):
                Client(ledger, {"writer": writer}).model("coder")
            await client.aclose()

    run(main())


def test_the_key_is_that_of_the_call(tmp_path: Path) -> None:
    d = desk(tmp_path, "好。")
    (answer,) = d.ask(make_request())
    assert isinstance(d.model, FakeModel)
    assert answer.rows == (key_of(d.model.calls[0]),)
    assert d.model.calls[0].messages == (Message("system", "你是作者"), Message("user", "写一段"))
