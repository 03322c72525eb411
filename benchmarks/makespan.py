"""How long ten articles of 24 calls take, beside the least that is possible: the longest chain of calls that wait
for each other, or all calls over the slots, whichever is longer.

Prints the ratio; 0 as the exit code means it is at most 1.10. Run as ``python -m benchmarks.makespan``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.server import Service
from benchmarks.workspace import CALLS, CHAIN, make

BAR = 1.10


class Heart:
    """Beats on an event loop; the longest pause between two beats is how long the loop was blocked."""

    def __init__(self, every: float = 0.01) -> None:
        self.every = every
        self.longest = 0.0
        self.late = 0
        """Beats that came more than 0.1 s late."""

    def start(self, loop: object) -> None:
        self._last = time.perf_counter()
        self._loop = loop
        loop.call_later(self.every, self._beat)  # type: ignore[attr-defined]

    def _beat(self) -> None:
        now = time.perf_counter()
        pause = now - self._last - self.every
        self.longest = max(self.longest, pause)
        self.late += pause > 0.1
        self._last = now
        self._loop.call_later(self.every, self._beat)  # type: ignore[attr-defined]


def run(articles: int, slots: int, latency: float, first: float, warm: float, filler: int) -> float:
    """Seconds of one batch; prints a row."""
    import agent.pipeline.resources as resources
    from agent.batch import expand_all
    from agent.pipeline.watch import Watch
    from agent.workspace import find

    heart = Heart()
    with Service(latency=latency, first=first) as service, tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "ws"
        paths = make(root, articles, slots=slots, warm=warm, filler=filler)
        os.environ |= {"OPENAI_BASE_URL": service.base_url, "OPENAI_API_KEY": "sk-benchmark"}
        times = resources.Times()
        begun: list[bool] = []

        def beat(event: object) -> None:
            if not begun:
                import asyncio

                begun.append(True)
                heart.start(asyncio.get_running_loop())

        cpu, start = time.process_time(), time.perf_counter()
        whole = expand_all(
            find(root),
            paths,
            spec="openai:fake",
            watch=Watch(progress=lambda p: None, calls=beat),
            times=times,
        )
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        log = service.log()
    if os.environ.get("TIMELINE"):
        timeline(log)
    drafts = sum(a.finished is not None for a in whole.articles)
    assert drafts == articles, [str(a.error) for a in whole.articles if a.error]
    assert len(log) == CALLS * articles, (len(log), Counter(e["task"] for e in log))
    ideal = latency * max(CHAIN, CALLS * articles / slots)
    print(
        f"| {articles} × {CALLS} | {slots} | {latency:g} | {first:g} | {warm:g} | {ideal:.2f} | {seconds:.2f} | "
        f"**{seconds / ideal:.3f}** | {cpu / len(log) * 1000:.0f} | {heart.longest * 1000:.0f} | "
        f"{sum(e['cached'] for e in log) / sum(e['prompt'] for e in log):.0%} |",
        flush=True,
    )
    return seconds / ideal


def timeline(log: list[dict[str, Any]]) -> None:
    """What was under way, half second by half second."""
    zero = log[0]["start"]
    took = [e["end"] - e["start"] for e in log]
    print(f"at the service: mean {sum(took) / len(took):.3f} s, longest {max(took):.3f} s", file=sys.stderr)
    for tick in range(int(2 * (max(e["end"] for e in log) - zero)) + 1):
        here = [e for e in log if e["start"] - zero <= tick / 2 < e["end"] - zero]
        print(tick / 2, len(here), dict(Counter(e["task"] for e in here)), file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=10)
    parser.add_argument("--slots", type=int, nargs="+", default=[8])
    parser.add_argument("--latency", type=float, default=1.5, help="seconds a call takes")
    parser.add_argument("--first", type=float, default=0.3, help="seconds to the first token")
    parser.add_argument("--warm", type=float, default=5.0, help="[limits] warm")
    parser.add_argument("--filler", type=int, default=60, help="sentences that make the articles longer")
    options = parser.parse_args()
    import openai  # noqa: F401  imports are no part of it

    print(
        "| articles × calls | slots | s a call | first token | warm | ideal s | s | ratio | CPU ms a call | loop blocked at most ms | prompts cached |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    ratios = [
        run(options.articles, slots, options.latency, options.first, options.warm, options.filler)
        for slots in options.slots
    ]
    print(f"\nmakespan ÷ ideal: {max(ratios):.3f} (bar {BAR})")
    return 0 if max(ratios) <= BAR else 1


if __name__ == "__main__":
    assert threading.current_thread() is threading.main_thread()
    raise SystemExit(main())
