"""Fixtures that several folders share. Its place puts the repository's root on the path: ``tests.fakes``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import corpus, needs
from tests.fakes.openai_server import FakeOpenAI

# Before any test is read: an example that takes long on a busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def fake_openai() -> Iterator[FakeOpenAI]:
    """A running server on loopback; push steps, or set ``answers``."""
    with FakeOpenAI() as server:
        yield server


def pytest_configure() -> None:
    """A requirement that is misspelt must not pass for one that is met."""
    needs.required()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which articles the property tests ran over: a pass means little without it."""
    terminalreporter.write_line(corpus.summary())
