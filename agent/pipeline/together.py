"""Running side by side without losing what was paid for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from agent.errors import ExpandError

T = TypeVar("T")


async def together(awaitables: Sequence[Awaitable[T]]) -> list[T]:
    """Run side by side; let all end before the first error is raised, so that paid replies are kept. A defect of
    the program goes before an error of ours."""
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    errors = [r for r in results if isinstance(r, BaseException)]
    if errors:
        raise next((e for e in errors if not isinstance(e, ExpandError)), errors[0])
    return [r for r in results if not isinstance(r, BaseException)]
