"""Fixtures of the browser review: a served draft, and Debian's chromium driven by playwright."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.commands.workspaces import update_report
from agent.web.app import Review
from agent.web.guard import Secrets
from agent.web.server import listening, server
from tests.needs import missing
from tests.pipeline.desk import FAKE, Service
from tests.review.desk import ARTICLE, Desk, asking, copy, make

CHROMIUM = next(
    (p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None
)
LEFT_OUT: list[str] = []
"""Tests that need a browser and had none; named in the summary."""

LABORATORY = "[targets]\nlines = 60\nformulas = 4\n\n[retry]\nwait_cap = 0.0\n"


@dataclass
class Served:
    """A review server over a desk."""

    desk: Desk
    review: Review

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.review.secrets.port}"


@contextmanager
def serving(desk: Desk, *, only: bool = True) -> Iterator[Served]:
    listener = listening()
    secrets = Secrets(listener.getsockname()[1])
    review = Review(
        desk.ws, secrets, desk.slug if only else "", FAKE, on_change=lambda: update_report(desk.ws)
    )
    running = server(review)
    thread = threading.Thread(target=lambda: running.run(sockets=[listener]), daemon=True)
    thread.start()
    try:
        yield Served(desk, review)
    finally:
        review.jobs.wait()
        running.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="session")
def witnessed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A draft with witnesses and an experiment that ran, in a repository."""
    with Service() as service:
        made = make(tmp_path_factory.mktemp("web") / "ws", service, article=ARTICLE, config=LABORATORY)
        made.service = service
        made.repository()
        yield made


@pytest.fixture
def desk(witnessed: Desk, tmp_path: Path) -> Iterator[Desk]:
    assert witnessed.service is not None
    witnessed.service.requests.clear()
    witnessed.service.before = None
    with asking(witnessed.service):
        yield copy(witnessed, tmp_path / "ws", witnessed.service)


@pytest.fixture
def served(desk: Desk) -> Iterator[Served]:
    with serving(desk) as site:
        yield site


@dataclass
class Watched:
    """A page that keeps what it should never do."""

    page: Any
    console: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)

    def quiet(self) -> None:
        """No console error, no request to anywhere else, no failed answer."""
        assert self.console == []
        assert self.outside == []
        assert self.bad == []


Open = Callable[..., Watched]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a module: while playwright runs, its event loop is this thread's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root needs --no-sandbox; the pages are our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browse(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens pages; ``script`` runs in them before their own. Without a browser the test is left out, and the summary says so."""
    if CHROMIUM is None:
        LEFT_OUT.append(request.node.nodeid)
        missing("browser", "no chromium here: apt-get install chromium fonts-noto-cjk")
    browser = request.getfixturevalue("chromium")
    contexts: list[Any] = []

    def open_(origin: str, address: str, script: str = "", **options: Any) -> Watched:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        seen = Watched(page)
        page.on("console", lambda m: seen.console.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seen.console.append(str(error)))
        page.on("request", lambda r: seen.outside.append(r.url) if not _own(r.url, origin) else None)
        page.on("response", lambda r: seen.bad.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.add_init_script(script)
        page.goto(address)
        return seen

    yield open_
    for context in contexts:
        context.close()


def _own(url: str, origin: str) -> bool:
    return url.startswith((origin, "data:", "blob:", "file:" if origin.startswith("file:") else origin))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LEFT_OUT:
        terminalreporter.write_line(
            f"LEFT OUT for want of a browser (apt-get install chromium fonts-noto-cjk): {len(LEFT_OUT)} tests of the review page"
        )
        for name in LEFT_OUT:
            terminalreporter.write_line(f"  {name}")
