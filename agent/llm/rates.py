"""Requests and tokens per minute: our own count of the last minute, and what the vendor's headers say is left."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, runtime_checkable

MINUTE = 60.0
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Quota:
    """What a vendor says about one of its limits in the headers of an answer."""

    limit: float
    """Requests or tokens a minute."""
    remaining: float
    reset: float
    """Seconds until all of ``limit`` is there again."""


@dataclass(frozen=True, slots=True)
class Quotas:
    requests: Quota | None = None
    tokens: Quota | None = None


@runtime_checkable
class Limited(Protocol):
    """A model that hears from its service how much is left."""

    def quotas(self) -> Quotas | None:
        """What the last answer said, once; None where it said nothing new."""


def quotas_of(headers: Mapping[str, str]) -> Quotas | None:
    """``x-ratelimit-*`` as OpenAI and those who copy it send them (limit, remaining, and reset as ``6m0s``)."""
    requests, tokens = (_quota(headers, kind) for kind in ("requests", "tokens"))
    return Quotas(requests, tokens) if requests or tokens else None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the service asks to wait (``retry-after-ms``, or RFC 9110 §10.2.3: seconds or a date). ``now``: wall
    clock, in seconds."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - now)
    except (KeyError, ValueError):
        return None


def anthropic_quotas_of(headers: Mapping[str, str], now: float) -> Quotas | None:
    """``anthropic-ratelimit-*``: limit, remaining, and reset as a time (RFC 3339). ``tokens`` is whichever of the
    limits on tokens is closest."""
    requests, tokens = (_anthropic_quota(headers, kind, now) for kind in ("requests", "tokens"))
    return Quotas(requests, tokens) if requests or tokens else None


def _anthropic_quota(headers: Mapping[str, str], kind: str, now: float) -> Quota | None:
    try:
        limit, remaining = (
            float(headers[f"anthropic-ratelimit-{kind}-{what}"]) for what in ("limit", "remaining")
        )
        reset = datetime.fromisoformat(headers[f"anthropic-ratelimit-{kind}-reset"]).timestamp() - now
    except (KeyError, ValueError):
        return None
    return Quota(limit, remaining, max(0.0, reset)) if limit > 0 else None


def _quota(headers: Mapping[str, str], kind: str) -> Quota | None:
    try:
        limit = float(headers[f"x-ratelimit-limit-{kind}"])
        remaining = float(headers[f"x-ratelimit-remaining-{kind}"])
    except (KeyError, ValueError):
        return None
    reset = span(headers.get(f"x-ratelimit-reset-{kind}", ""))
    return Quota(limit, remaining, reset) if limit > 0 and reset is not None else None


def span(text: str) -> float | None:
    """Seconds of ``6m0s``, ``17ms`` or ``59.7``; None for anything else."""
    text = text.strip()
    found = _SPAN.findall(text)
    if found and "".join(number + unit for number, unit in found) == text:
        return sum(float(number) * _UNITS[unit] for number, unit in found)
    try:
        return max(0.0, float(text))
    except ValueError:
        return None


@dataclass(slots=True)
class Window:
    """At most ``limit`` in any minute: a log of the last one, since a bucket that refills lets through up to twice
    its limit in its first minute."""

    limit: float | None
    """None: without end."""
    _log: deque[list[float]] = field(default_factory=deque)
    """[time, amount], oldest first."""
    _sum: float = 0.0

    def opens_at(self, amount: float, now: float) -> float:
        """The time from which ``amount`` fits; ``now`` or earlier means at once. More than the whole limit fits
        when nothing else is there."""
        if self.limit is None:
            return now
        self._forget(now)
        room = self.limit - self._sum
        if amount <= room or not self._log:
            return now
        for at, old in self._log:
            room += old
            if amount <= room:
                return at + MINUTE
        return self._log[-1][0] + MINUTE

    def add(self, amount: float, now: float) -> list[float]:
        """Count an amount; the entry that is given back can be corrected with `correct`."""
        entry = [now, amount]
        if self.limit is not None:
            self._log.append(entry)
            self._sum += amount
        return entry

    def correct(self, entry: list[float], amount: float, now: float) -> None:
        """The amount was a guess; this is what it came to."""
        if self.limit is not None and now - entry[0] < MINUTE:
            self._sum += amount - entry[1]
            entry[1] = amount

    def _forget(self, now: float) -> None:
        while self._log and now - self._log[0][0] >= MINUTE:
            self._sum -= self._log.popleft()[1]


@dataclass(slots=True)
class Told:
    """What the vendor said is left of one limit, counted down by what we sent since."""

    quota: Quota | None = None
    at: float = 0.0
    """When it was said, monotonic seconds."""
    since: float = 0.0
    """Sent since then."""

    def hear(self, quota: Quota | None, now: float) -> None:
        if quota is not None:
            self.quota, self.at, self.since = quota, now, 0.0

    def opens_at(self, amount: float, now: float) -> float:
        """When ``amount`` will be there, taking it that the limit refills evenly until its reset."""
        quota = self.quota
        if quota is None or now >= self.at + quota.reset:
            self.quota = None
            return now
        missing = min(amount, quota.limit) - (quota.remaining - self.since)
        if missing <= 0:
            return now
        used = max(quota.limit - quota.remaining, 1e-9)
        return self.at + min(1.0, missing / used) * quota.reset
