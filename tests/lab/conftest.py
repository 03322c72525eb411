"""The sandbox of this machine."""

from __future__ import annotations

import pytest

from agent.errors import SandboxUnavailable
from agent.lab import Sandbox, open_sandbox
from tests.needs import missing


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    try:
        return open_sandbox()
    except SandboxUnavailable as error:
        missing("sandbox", f"no sandbox on this machine: {error}")
