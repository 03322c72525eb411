"""The chaos benchmark, smaller: 30% faults of every kind, and kills."""

from __future__ import annotations

from pathlib import Path

from benchmarks.chaos import chaos


def test_faults_and_kills_lose_and_repeat_nothing(tmp_path: Path) -> None:
    found = chaos(tmp_path, articles=2, kills=5, faults=0.3, seed=7, timeout=60.0, silence=0.5)
    assert found.drafts == 2
    assert not found.problems
    assert found.kills >= 4
    assert found.faults > 10
    assert found.most_lost <= 6, "no more than was under way at a kill"
    assert found.same == found.given == 2
    assert found.held
