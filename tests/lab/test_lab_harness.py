"""A sandbox that breaks down: tried again, named, and never taken for a fault of the program."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from agent.errors import SandboxUnavailable
from agent.lab import DEFAULT_LIMITS, Limits, Outcome, WitnessJob, run_experiment, run_witnesses
from agent.lab.sandbox import bytecode
from agent.lab.sandbox.bubblewrap import Bubblewrap
from agent.pipeline.evidence import describe
from tests.needs import missing

SAYS = "bwrap: Can't find source path /home/bytecode-79ea"


def failing(folder: Path, times: int) -> Bubblewrap:
    """Bubblewrap that fails as it starts, ``times`` times after it was opened."""
    try:
        box = Bubblewrap.open()
    except SandboxUnavailable as error:
        missing("sandbox", f"no bubblewrap on this machine: {error}")
    script = folder / "bwrap"
    script.write_text(
        f'#!/bin/sh\necho >> {folder}/runs\n[ "$(wc -l < {folder}/runs)" -gt {times} ] && exec {shutil.which("bwrap")} "$@"\n'
        f'echo "{SAYS}" >&2\nexit 1\n'
    )
    script.chmod(0o755)
    return Bubblewrap(str(script), box.prlimit, box.setpriv, box.as_root, box.extra)


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text().splitlines())


def test_a_start_that_fails_once_is_tried_again(tmp_path: Path) -> None:
    result = run_experiment('emit("a", 1)', id="exp1", sandbox=failing(tmp_path, 1))
    assert result.ok, result.error
    assert result.values["a"].value == 1
    assert runs(tmp_path) == 2


def test_a_start_that_fails_again_is_the_sandboxs_failure(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="Can't find source path"):
        run_experiment('emit("a", 1)', id="exp1", sandbox=failing(tmp_path, 9))
    assert runs(tmp_path) == 2


class Broken:
    """A sandbox in which no harness comes up."""

    name = "broken"
    confined = True

    def __init__(self) -> None:
        self.runs = 0

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Outcome:
        self.runs += 1
        return Outcome("", "ImportError: inside", 1, 0.1)


def test_a_harness_that_does_not_start_is_no_verdict_on_the_witness() -> None:
    box = Broken()
    found = run_witnesses([WitnessJob("a"), WitnessJob("b")], box, 2)
    assert [(v.verdict, v.grade) for v in found] == [("unchecked", "not-run")] * 2
    assert box.runs == 4, "each is tried twice"
    assert "ImportError: inside" in found[0].reason
    assert describe(found[0]) == "未核验（未运行）", "what the machine lacks enters no prompt"


def test_compiled_libraries_that_are_gone_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "expand" / "bytecode-1"
    made = []

    def make(home: Path, folder: Path) -> None:
        made.append(folder)
        folder.mkdir()

    monkeypatch.setattr(bytecode, "_place", lambda: folder)
    monkeypatch.setattr(bytecode, "_make", make)
    assert bytecode.bytecode_folder() == bytecode.bytecode_folder() == folder
    assert made == [folder]
    os.utime(folder, (0, 0))
    bytecode.bytecode_folder()
    assert folder.stat().st_mtime > 0, "tidying sees that it is in use"
    shutil.rmtree(folder)
    assert bytecode.bytecode_folder() == folder
    assert folder.is_dir()
    assert made == [folder] * 2


def test_tidying_leaves_what_was_used_within_a_day(tmp_path: Path) -> None:
    now = 1_000_000.0
    for number in range(8):
        folder = tmp_path / f"bytecode-{number}"
        folder.mkdir()
        os.utime(folder, (0, now - number * 15_000))
    (tmp_path / "other").mkdir()
    bytecode._tidy(tmp_path, now)
    assert sorted(p.name for p in tmp_path.iterdir()) == [*(f"bytecode-{n}" for n in range(6)), "other"]
