"""Fixtures of the tests of review and merge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.desk import Service
from tests.review.desk import Desk, asking, copy, make


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A draft and the service that wrote it. Its address is part of the model's identity, so redos ask the same."""
    with Service() as service:
        made = make(tmp_path_factory.mktemp("review") / "ws", service)
        made.service = service
        yield made


@pytest.fixture
def desk(drawn: Desk, tmp_path: Path) -> Iterator[Desk]:
    """A copy of the draft, to do with as a test likes; the service as if nobody had asked it yet."""
    assert drawn.service is not None
    drawn.service.requests.clear()
    drawn.service.before = None
    with asking(drawn.service):
        yield copy(drawn, tmp_path / "ws", drawn.service)
