"""Limits a minute: never more than allowed in any minute, and no less than could be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import Unavailable
from agent.llm.rates import MINUTE, Limited, Quota, Quotas, Told, Window, quotas_of, span
from tests.fakes.openai_server import FakeOpenAI, Status, Text
from tests.llm.helpers import make_call, openai_model, run


@given(
    st.floats(1, 50),
    st.lists(st.tuples(st.floats(0, 30), st.floats(0.1, 20)), min_size=1, max_size=60),
)
def test_no_minute_holds_more_than_the_limit(limit: float, wishes: list[tuple[float, float]]) -> None:
    window, now, sent = Window(limit), 0.0, []
    for pause, amount in wishes:
        now += pause
        at = max(now, window.opens_at(amount, now))
        assert window.opens_at(amount, at) <= at + 1e-6, "the time it gives is one at which it opens"
        now = at
        window.add(amount, now)
        sent.append((now, amount))
    for start, _ in sent:
        inside = [a for at, a in sent if start <= at < start + MINUTE - 1e-6]
        # A single amount above the whole limit goes alone.
        assert sum(inside) <= limit + 1e-6 or len(inside) == 1


def test_the_limit_is_used_to_the_full() -> None:
    window, now = Window(30), 0.0
    for _ in range(300):
        now = max(now, window.opens_at(1, now))
        window.add(1, now)
    assert now == pytest.approx(MINUTE * 9)


def test_a_guess_is_corrected() -> None:
    window = Window(1000)
    entry = window.add(900, 0.0)
    assert window.opens_at(200, 1.0) == MINUTE
    window.correct(entry, 100, 1.0)
    assert window.opens_at(200, 1.0) == 1.0


def test_without_a_limit_it_is_always_open() -> None:
    window = Window(None)
    window.add(1e9, 0.0)
    assert window.opens_at(1e9, 0.0) == 0.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360.0),
        ("17ms", 0.017),
        ("1h2m3.5s", 3723.5),
        ("59.7", 59.7),
        ("", None),
        ("soon", None),
        ("-1", 0.0),
    ],
)
def test_spans(text: str, seconds: float | None) -> None:
    assert span(text) == seconds


def test_headers_of_an_answer() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "100",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert quotas_of(headers) == Quotas(Quota(60, 59, 1), Quota(150000, 100, 360))
    assert quotas_of({"x-ratelimit-limit-requests": "sixty"}) is None
    assert quotas_of({}) is None


def test_what_the_vendor_says_is_left_is_counted_down_and_refills() -> None:
    told = Told()
    assert told.opens_at(10, 0.0) == 0.0
    told.hear(Quota(100, 20, 40), 0.0)
    assert told.opens_at(20, 0.0) == 0.0
    told.since = 20
    # All 80 that are used come back in 40 s; 10 of them in 5 s.
    assert told.opens_at(10, 0.0) == pytest.approx(5.0)
    assert told.opens_at(10, 41.0) == 41.0, "what was said is old"


def test_what_the_headers_say_is_heard_once() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "12s",
    }
    with FakeOpenAI(Status(429, headers=headers), Text("好。")) as server:

        async def main() -> None:
            model = openai_model(server)
            assert isinstance(model, Limited)
            with pytest.raises(Unavailable) as caught:
                await model.send(make_call())
            assert caught.value.limited
            assert model.quotas() == Quotas(Quota(60, 0, 12), None)
            assert model.quotas() is None
            await model.send(make_call())
            assert model.quotas() is None, "an answer without such headers says nothing"
            await model.aclose()

        run(main())
