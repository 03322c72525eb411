"""Transport retries: exponential backoff with full jitter, Retry-After honoured, a cap on everything."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits before try n: uniform in [0, min(cap, base·2ⁿ)] seconds ("full jitter": M. Brooker, Exponential
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
