"""The clocks of a run, and how it sleeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agent.llm.ledger import utc_now
from agent.llm.model import Sleep


@dataclass(frozen=True, slots=True)
class Times:
    """Arguments, so that tests need not wait."""

    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    """Seconds that never jump: limits, waits and durations go by it."""
    now: Callable[[], datetime] = utc_now
    """The calendar: which day a cap belongs to. It may jump, so that nothing else goes by it."""
