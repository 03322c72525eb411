"""The walk in a terminal: the same keys, no colour where there is none, lines where there is no terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from agent.review.edit import edit
from agent.review.terminal import KEYS, walk
from tests.pipeline.desk import FAKE
from tests.review.desk import ROOT, Desk


@dataclass
class Script:
    """A person at the keys: keys, and what he types where a line is asked for."""

    keys: list[str]
    lines: list[str] = field(default_factory=list)
    editor: Callable[[str], str | None] = lambda text: None
    height: int = 24
    said: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    def say(self, text: str = "", style: str = "") -> None:
        self.said.append(text)

    def key(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return self.keys.pop(0) if self.keys else "q"

    def line(self, prompt: str) -> str:
        return self.lines.pop(0)

    def edit(self, text: str) -> str | None:
        return self.editor(text)

    @property
    def text(self) -> str:
        return "\n".join(self.said)


def run(desk: Desk, *keys: str, lines: tuple[str, ...] = (), **over: object) -> Script:
    script = Script(list(keys), list(lines), **over)  # type: ignore[arg-type]
    walk(desk.ws, desk.slug, spec=FAKE, screen=script)
    return script


def test_from_review_to_a_committed_article_in_three_keys(desk: Desk) -> None:
    desk.repository()
    script = run(desk, "A", "m", lines=("",))
    assert desk.state.status == "merged"
    assert re.search(r"commit [0-9a-f]{10}", script.text)
    assert desk.git("log", "--format=%s").startswith("Expand 两数之和")


def test_the_keys_fit_a_terminal_of_80_columns() -> None:
    assert max(map(len, KEYS.splitlines())) < 80


def test_nobody_is_asked_how_to_merge_what_cannot_be_merged(desk: Desk) -> None:
    desk.repository()
    script = run(desk, "m")  # a question would find no answer
    assert script.said[-2].startswith("error: ")
    assert "no section is accepted" in script.said[-2]
    assert "left out" not in script.text
    assert desk.state.status == "draft"


def test_deciding_moves_on_to_the_next_undecided(desk: Desk) -> None:
    script = run(desk, "a", "r", "a", lines=("条件写错了",))
    order = [s.split()[0] for s in script.prompts]
    first, second, third = order[:3]
    assert desk.state.sections == {first: "accepted", second: "rejected", third: "accepted"}
    assert desk.state.notes == ((second, "条件写错了"),)


def test_moving_stops_at_the_ends(desk: Desk) -> None:
    script = run(desk, "k", "j", "k", "k", *("j" * 20))
    names = [p.split()[0] for p in script.prompts]
    assert names[0] == names[1] == names[3] == names[4]
    assert names[-1] == names[-2], "past the last there is nothing"


def test_a_rejection_without_a_note_is_told_and_the_walk_goes_on(desk: Desk) -> None:
    script = run(desk, "r", "a", lines=("",))
    assert "error: reject needs --note" in script.text
    assert list(desk.state.sections.values()) == ["accepted"]


def test_taking_back(desk: Desk) -> None:
    script = run(desk, "a", "u", "u")
    assert desk.state.sections == {}
    assert "nothing to take back" in script.text


def test_editing(desk: Desk) -> None:
    run(desk, "j", "e", editor=lambda text: f"{text}\n\n人写的一句。")
    section = next(iter(desk.state.edits))
    assert desk.text(section).endswith("人写的一句。")
    script = run(desk, "e", editor=lambda text: None)
    assert "not changed" in script.text


def test_a_redo(desk: Desk) -> None:
    script = run(desk, "j", "n", lines=("把条件写在前面",))
    assert "把条件写在前面" in desk.draft.decode()
    assert re.search(r"^\+.*把条件写在前面", script.text, re.M), "what changed is shown"
    assert "no earlier text" in run(desk, "v").text, "the opening map has none"


def test_findings_follow_their_line(desk: Desk) -> None:
    edit(desk.ws, desk.slug, "theory.2", desk.text("theory.2") + "\n\n等一下，这里写错了。")
    script = run(desk, "j", "j", " ", height=200)
    at = next(n for n, row in enumerate(script.said) if "等一下" in row)
    assert script.said[at + 1].lstrip().startswith("!  error:")


def test_long_sections_come_a_screen_at_a_time(desk: Desk) -> None:
    edit(desk.ws, desk.slug, "theory.2", "\n\n".join(f"第 {n} 句。" for n in range(60)))
    script = run(desk, *("j" * 20), height=20)
    assert "第 59 句。" not in script.text
    assert re.search(r"more lines: space", script.text)


def test_witnesses_are_those_of_whole_labels(desk: Desk) -> None:
    text = "\\begin{equation}\n\\mathbf{b}=1\n\\label{eq:ab}\n\\end{equation}"
    edit(desk.ws, desk.slug, "theory.2", f"{desk.text('theory.2')}\n\n{text}")
    path = desk.folder / "report.json"
    rows = [{"label": label, "verdict": "verified", "says": f"见证{label}"} for label in ("b", "ab", "eq:ab")]
    path.write_text(json.dumps({**desk.report, "witnesses": rows}), encoding="utf-8")
    script = run(desk, *("j" * 20), "w")
    assert not any(s.startswith("eq:ab: ") for s in script.said), "the last section is another"
    at = next(n for n, p in enumerate(script.prompts) if p.startswith("theory.2"))
    script = run(desk, *("j" * at), "w")
    assert [s for s in script.said if "见证" in s] == ["eq:ab: 见证eq:ab"]


def test_an_unknown_key_shows_the_keys(desk: Desk) -> None:
    assert "take back the last decision" in run(desk, "x").text


def test_nothing_in_a_text_reaches_the_terminal(desk: Desk) -> None:
    edit(desk.ws, desk.slug, "theory.2", "正文 \x1b]0;owned\x07 与 \x1b[2J 之后")
    done = review(desk, "j\nj\nj\nq\n")
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "之后" in done.stdout


def review(desk: Desk, keys: str, *argv: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-m", "agent", "review", desk.slug, *argv],
        cwd=desk.root, input=keys, capture_output=True, text=True, env=environment, timeout=120, check=False,
    )  # fmt: skip


def test_over_a_pipe(desk: Desk) -> None:
    done = review(desk, "a\nr\n太空\nu\nA\nm\nn\n")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert desk.state.status == "merged"


@pytest.mark.parametrize("keys", ["", "a"])
def test_the_end_of_the_input_ends_the_walk(desk: Desk, keys: str) -> None:
    done = review(desk, keys)
    assert done.returncode == 0, done.stderr
    assert "undecided:" in done.stdout
    assert len(desk.state.sections) == len(keys)
