"""What is known of one service: how much it takes, whether it wants us to wait, whether it is there at all."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agent.errors import Unavailable
from agent.llm.rates import Quotas, Told, Window
from agent.records import Usage

DOWN_AFTER = 5
"""Failures in a row, over all calls, after which a service counts as down. At 30% faults that happens by chance
once in 400 calls, and costs little then: the next answer ends it."""
FIRST_PAUSE = 1.0
"""Seconds; a service that says "too many requests" and not for how long. Doubles while it keeps saying so."""
LONGEST_PAUSE = 60.0
LONGEST_PROBE = 30.0
"""Seconds between two tries while a service is down, at most; they begin with one."""


@dataclass(slots=True, eq=False)
class Started:
    """A request that is under way."""

    at: float
    requests: list[float]
    tokens: list[float]
    probe: bool = False


@dataclass(slots=True, eq=False)
class Service:
    """Limits and state of one endpoint. Times are monotonic seconds.

    The number of requests under way follows "additive increase, multiplicative decrease" (D. Chiu and R. Jain,
    Computer Networks and ISDN Systems 17, 1989): half of it after a 429, one more for every round that went well.
    """

    identity: str
    slots: int
    """Requests under way at most."""
    rpm: Window
    tpm: Window
    told_requests: Told = field(default_factory=Told)
    told_tokens: Told = field(default_factory=Told)
    width: float = 0.0
    """Requests under way at most, as learnt."""
    in_flight: int = 0
    failures: int = 0
    """In a row."""
    down_since: float | None = None
    _failing_since: float = -math.inf
    """When the failures in a row began."""
    _paused_until: float = -math.inf
    _pause: float = FIRST_PAUSE
    _probe_wait: float = FIRST_PAUSE
    _narrowed: float = -math.inf
    """When the width was last halved."""
    _probing: bool = False

    def __post_init__(self) -> None:
        self.width = float(self.slots)

    def opens_at(self, tokens: float, now: float) -> float:
        """When a request of so many tokens may start: now, a time, or infinity where something must end first."""
        if self.down_since is not None and self._probing:
            return math.inf
        if self.in_flight >= max(1, int(self.width)):
            return math.inf
        return max(
            now,
            self._paused_until,
            self.rpm.opens_at(1, now),
            self.tpm.opens_at(tokens, now),
            self.told_requests.opens_at(1, now),
            self.told_tokens.opens_at(tokens, now),
        )

    def start(self, tokens: float, now: float) -> Started:
        self.in_flight += 1
        self.told_requests.since += 1
        self.told_tokens.since += tokens
        probe = self.down_since is not None
        self._probing = self._probing or probe
        return Started(now, self.rpm.add(1, now), self.tpm.add(tokens, now), probe)

    def end(self, started: Started) -> None:
        self.in_flight -= 1
        if started.probe:
            self._probing = False

    def heard(self, quotas: Quotas | None, now: float) -> None:
        if quotas is not None:
            self.told_requests.hear(quotas.requests, now)
            self.told_tokens.hear(quotas.tokens, now)

    def succeeded(self, started: Started, usage: Usage, now: float) -> float | None:
        """Count an answer. Gives how many seconds the service was down, if this ends it."""
        self.tpm.correct(started.tokens, usage.prompt + usage.completion, now)
        self.width = min(float(self.slots), self.width + 1 / max(self.width, 1.0))
        self._pause = FIRST_PAUSE
        if started.at < self._failing_since:
            return None  # sent before it began to fail: that it ended well says nothing about now
        self.failures = 0
        if self.down_since is None:
            return None
        away, self.down_since = now - self.down_since, None
        self._paused_until, self._probe_wait = -math.inf, FIRST_PAUSE
        return away

    def failed(self, started: Started, error: Unavailable, now: float) -> bool:
        """Count a failure. True where the service counts as down from now on, and calls wait for it."""
        if error.limited:
            self._narrow(started, error, now)
            return False
        if not self.failures:
            self._failing_since = now
        self.failures += 1
        if self.down_since is None and self.failures < DOWN_AFTER:
            return False
        if error.local:
            # Waiting mends nothing: it counts as away for longer than anybody waits.
            self.down_since = -math.inf
            return False
        began = self.down_since is None
        if began:
            self.down_since = now
        self._paused_until = max(self._paused_until, now + self._probe_wait)
        self._probe_wait = min(LONGEST_PROBE, 2 * self._probe_wait)
        return began

    def _narrow(self, started: Started, error: Unavailable, now: float) -> None:
        # What was sent before the last halving says nothing about the width since.
        if started.at >= self._narrowed:
            self.width, self._narrowed = max(1.0, self.width / 2), now
            own, self._pause = self._pause, min(LONGEST_PAUSE, 2 * self._pause)
        else:
            own = 0.0
        wait = own if error.retry_after is None else error.retry_after
        self._paused_until = max(self._paused_until, now + wait)
