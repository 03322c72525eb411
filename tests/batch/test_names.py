"""Which role a stored call belongs to, from its name."""

from __future__ import annotations

import pytest

from agent.pipeline.names import role_of
from agent.prompts import open_library


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("a/reading", "planner"),
        ("a/outline", "planner"),
        ("a/division", "planner"),
        ("a/witness.2/write", "coder"),
        ("a/witness.2/repair.1", "coder"),
        ("a/theory.1/witness.1/write", "coder"),
        ("a/exp1/code", "coder"),
        ("a/exp1/fix.2", "coder"),
        ("a/theory.3/write", "writer"),
        ("a/theory.3/rewrite.1", "writer"),
        ("a/theory.3/rewrite.1/referee", "referee"),
        ("a/theory.3/referee", "referee"),
        ("a/theory.3/repair.2", "writer"),
        ("a/theory.3/deepen.1", "writer"),
        ("a/theory.3/deepen.1/repair.1", "writer"),
        ("a/theory.3+theory.4/smooth", "writer"),
        ("a/map/write", "writer"),
        ("a/summary/rewrite.2", "writer"),
        ("v1.2/theory.3/write", "writer"),
        ("evaluate/0a1b2c3d4e5f/ab", "referee"),
        ("evaluate/0a1b2c3d4e5f/ba", "referee"),
        ("a/nonsense", "other"),
    ],
)
def test_roles(name: str, role: str) -> None:
    assert role_of(name, open_library()) == role
