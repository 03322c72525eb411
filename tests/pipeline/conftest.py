"""Fixtures of the pipeline's and the command line's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipeline.desk import QUICK, Nursery, Service, Site


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    found = Nursery(tmp_path_factory.mktemp("nursery"))
    yield found
    found.close()


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, nursery: Nursery, service: Service) -> Site:
    """A quick workspace without articles, its commands bound to the service."""
    made = Site(tmp_path / "ws", nursery)
    (made.root / "blogs_raw").mkdir(parents=True)
    made.config(QUICK)
    return made.using(service)


@pytest.fixture
def new_site(tmp_path: Path, nursery: Nursery) -> Callable[[str], Site]:
    """More workspaces, by name."""

    def make(name: str) -> Site:
        made = Site(tmp_path / name, nursery)
        (made.root / "blogs_raw").mkdir(parents=True)
        made.config(QUICK)
        return made

    return make
