"""Redos in the background, one at a time for each article."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.errors import ExpandError
from agent.pipeline.run import Watch

Work = Callable[[Watch], None]


@dataclass
class Job:
    section: str
    said: str = "等待"
    """The last thing the pipeline reported."""
    error: str = ""
    done: bool = False


@dataclass
class Jobs:
    """What runs, or ran last, for each article. Safe to use from several threads."""

    _jobs: dict[str, Job] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, slug: str, section: str, work: Work) -> bool:
        """Start ``work`` for an article; False while one runs."""
        with self._lock:
            running = self._jobs.get(slug)
            if running is not None and not running.done:
                return False
            job = self._jobs[slug] = Job(section)
        thread = threading.Thread(target=self._run, args=(job, work), daemon=True)
        self._threads.append(thread)
        thread.start()
        return True

    def of(self, slug: str) -> Job | None:
        return self._jobs.get(slug)

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self, job: Job, work: Work) -> None:
        def progress(event: object) -> None:
            job.said = str(getattr(event, "text", "")) or job.said

        try:
            work(Watch(progress=progress, line=lambda text: setattr(job, "said", text)))
        except ExpandError as error:
            job.error = f"{error}" + (f"（{error.hint}）" if error.hint else "")
        except Exception as error:  # a defect must reach the page, not vanish with the thread
            job.error = f"{type(error).__name__}: {error}"
        job.done = True
