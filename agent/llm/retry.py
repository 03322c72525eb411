"""Transport retries: exponential backoff with full jitter, Retry-After honoured, a cap on everything."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from agent.errors import Unavailable
from agent.llm.model import Sleep

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Wait before try n: uniform in [0, min(cap, base·2ⁿ⁻¹)] seconds ("full jitter": M. Brooker, Exponential
    Backoff And Jitter, AWS Architecture Blog, 2015), but never less than the service asked for."""

    tries: int = 6
    """Times a request is sent in all."""
    base: float = 1.0
    """Seconds."""
    cap: float = 60.0
    """Longest wait of our own choice, seconds; a longer Retry-After is honoured up to ``total``."""
    total: float = 600.0
    """Seconds spent waiting for one attempt in all; a wait that would exceed it is not begun."""
    rng: Callable[[], float] = random.random
    """Uniform in [0, 1)."""

    def wait(self, failed: int, error: BaseException | None) -> float:
        """Seconds to wait after ``failed`` tries (1 or more), the last of which raised error."""
        own = self.rng() * min(self.cap, self.base * 2.0 ** min(failed - 1, 60))
        asked = error.retry_after if isinstance(error, Unavailable) else None
        # Our share comes on top, so that all who were told the same time do not come back together.
        return own if asked is None else asked + min(own, self.base)


async def retried(
    policy: RetryPolicy,
    send: Callable[[], Awaitable[T]],
    *,
    sleep: Sleep,
    on_wait: Callable[[float, str], None],
    down: Callable[[], bool | None] = lambda: None,
) -> T:
    """``send()``, again while it raises Unavailable and the policy allows.

    A 429 is no failed try: the service is there, and only ``total`` ends the waiting. down tells what all calls
    know of the service: True, it is down, so that this try says nothing about the call and is not counted; False,
    it has been down for too long, and nothing is tried any more; None, neither.
    on_wait is told the seconds and the reason before each wait. Raises the last Unavailable with the number
    of tries in its message; any other error at once.
    """
    from tenacity import AsyncRetrying, retry_if_exception_type

    forgiven = 0

    def stop(state: RetryCallState) -> bool:
        nonlocal forgiven
        away, error = down(), _raised(state)
        if away or (isinstance(error, Unavailable) and error.limited):
            forgiven += 1
        tried = state.attempt_number - forgiven
        waited = state.idle_for + state.upcoming_sleep
        return away is False or tried >= policy.tries or waited > policy.total

    def told(state: RetryCallState) -> None:
        on_wait(state.upcoming_sleep, str(_raised(state)))

    async def slept(seconds: float) -> None:
        await sleep(seconds)

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(Unavailable),
        wait=lambda state: policy.wait(state.attempt_number, _raised(state)),
        stop=stop,
        sleep=slept,
        before_sleep=told,
        retry_error_callback=_give_up,
    )

    async def once() -> T:
        return await send()  # tenacity awaits only what it can see is a coroutine function; a lambda is none

    return await retrying(once)


def _raised(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


def _give_up(state: RetryCallState) -> None:
    error = _raised(state)
    assert isinstance(error, Unavailable)
    tries = "1 try" if state.attempt_number == 1 else f"{state.attempt_number} tries"
    hint = error.hint or "what was answered is stored: run the same command again later, and it continues"
    raise Unavailable(f"{error} ({tries})", retry_after=error.retry_after, hint=hint)
