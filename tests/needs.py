"""What some tests need of a machine. Where it is missing they are skipped; `EXPAND_REQUIRE=sandbox,browser,strace,mount`, which
CI sets, makes that a failure, so that a green run means that they ran."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NoReturn

import pytest

KINDS = ("sandbox", "browser", "strace", "mount")
REQUIRE = "EXPAND_REQUIRE"


def required(env: Mapping[str, str] = os.environ) -> frozenset[str]:
    """What may not be missing. Raises UsageError of pytest for a word that stands for nothing."""
    words = frozenset(word.strip() for word in env.get(REQUIRE, "").split(",") if word.strip())
    if unknown := sorted(words - set(KINDS)):
        raise pytest.UsageError(f"{REQUIRE} names {', '.join(unknown)}; it knows {', '.join(KINDS)}")
    return words


def missing(kind: str, reason: str, env: Mapping[str, str] = os.environ) -> NoReturn:
    """Leave the test out, or let it fail where ``kind`` is required."""
    assert kind in KINDS
    if kind in required(env):
        pytest.fail(f"{REQUIRE} asks for a {kind}: {reason}", pytrace=False)
    pytest.skip(reason)
