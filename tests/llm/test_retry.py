"""Waits between tries, recorded in place of waited."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import Rejected, Unavailable
from agent.llm import RetryPolicy
from agent.llm.retry import retried
from tests.llm.helpers import Clock, run


def attempt(policy: RetryPolicy, *errors: Exception) -> tuple[list[float], object]:
    clock, left = Clock(), list(errors)

    async def send() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    async def main() -> object:
        try:
            return await retried(policy, send, sleep=clock.sleep, on_wait=lambda seconds, reason: None)
        except Exception as error:
            return error

    return clock.waits, run(main())


def test_full_jitter_doubles_up_to_the_cap() -> None:
    draws = iter([1.0, 0.5, 1.0, 1.0, 0.0])
    policy = RetryPolicy(base=1, cap=5, rng=lambda: next(draws))
    assert attempt(policy, *[Unavailable("x")] * 5) == ([1.0, 1.0, 4.0, 5.0, 0.0], "answer")


def test_retry_after_is_a_floor() -> None:
    waits, _ = attempt(RetryPolicy(rng=lambda: 0.25), Unavailable("x", retry_after=30))
    assert waits == [30.25]


def test_a_wait_that_would_exceed_the_total_is_not_begun() -> None:
    waits, end = attempt(RetryPolicy(total=100, rng=lambda: 0.0), Unavailable("busy", retry_after=3600))
    assert waits == []
    assert isinstance(end, Unavailable)
    assert str(end) == "busy (1 try)"
    assert end.retry_after == 3600


def test_the_total_counts_all_waits_of_an_attempt() -> None:
    errors = [Unavailable("x", retry_after=40)] * 5
    waits, end = attempt(RetryPolicy(total=100, rng=lambda: 0.0), *errors)
    assert waits == [40, 40]
    assert isinstance(end, Unavailable)


def test_other_errors_pass_at_once() -> None:
    waits, end = attempt(RetryPolicy(), Rejected("401"))
    assert waits == []
    assert isinstance(end, Rejected)


def test_the_error_raised_has_no_tail_of_tenacity() -> None:
    _, end = attempt(RetryPolicy(tries=1), Unavailable("x"))
    assert isinstance(end, Unavailable)
    assert end.__cause__ is None


@given(st.integers(1, 40), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 500))
def test_a_wait_is_never_shorter_than_asked_nor_longer_than_the_cap(
    failed: int, draw: float, asked: float | None
) -> None:
    policy = RetryPolicy(rng=lambda: draw)
    wait = policy.wait(failed, Unavailable("x", retry_after=asked))
    assert (asked or 0) <= wait <= (asked or 0) + policy.cap


@pytest.mark.parametrize("failed", [1, 6, 2000])
def test_many_failures_do_not_overflow(failed: int) -> None:
    assert RetryPolicy(rng=lambda: 1.0).wait(failed, None) <= 60
