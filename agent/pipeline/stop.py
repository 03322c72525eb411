"""Ctrl-C: what is paid for is waited for and stored, nothing new is asked, and a second one ends at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from agent.errors import Interrupted
from agent.pipeline.deferred import staying_line
from agent.pipeline.resources import Resources

GRACE = 5.0
"""Seconds in which articles may end by themselves once nothing is under way any more."""


@asynccontextmanager
async def stopped_by_hand(resources: Resources) -> AsyncIterator[None]:
    """Let the block be stopped by Ctrl-C. It then raises Interrupted when the replies under way are stored;
    KeyboardInterrupt after a second Ctrl-C, or where this is not the main thread."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    pressed = 0
    ending: asyncio.Task[None] | None = None

    def on_press() -> None:
        nonlocal pressed, ending
        pressed += 1
        if pressed == 1:
            stays = staying_line(resources.staying())
            resources.watch.line(stopping_line(resources.traffic.in_flight, stays))
            resources.traffic.stop()
            ending = asyncio.ensure_future(_end(resources, task))
        else:
            task.cancel()

    try:
        loop.add_signal_handler(signal.SIGINT, on_press)
    except (NotImplementedError, RuntimeError, ValueError):
        yield
        return
    try:
        yield
    except asyncio.CancelledError:
        if pressed > 1:
            raise KeyboardInterrupt from None
        if pressed:
            raise Interrupted("interrupted", hint=AGAIN) from None
        raise
    except Interrupted:
        raise Interrupted("interrupted", hint=AGAIN) from None
    finally:
        if ending is not None:
            ending.cancel()
        with suppress(ValueError):
            loop.remove_signal_handler(signal.SIGINT)


AGAIN = "run the same command again: it goes on where it stopped"


def stopping_line(under_way: int, stays: str = "") -> str:
    waits = {
        0: f"no reply is under way, and programs that run get {GRACE:.0f} s",
        1: "1 reply under way is waited for and stored",
    }
    said = waits.get(under_way, f"{under_way} replies under way are waited for and stored")
    said = stays if stays and not under_way else said
    return f"stopping: {said}; Ctrl-C again ends at once"


async def _end(resources: Resources, task: asyncio.Task[object]) -> None:
    """When nothing is under way any more, end what still computes: it costs nothing to do again."""
    await resources.traffic.quiet()
    await asyncio.sleep(GRACE)
    task.cancel()
