"""The commands that docs/review.md names exist, with the options it gives them."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from agent.cli import cli
from agent.review.terminal import ACTIONS
from tests.review.desk import ROOT

PAGE = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
INSIDE = re.compile(r"^```(?:console|yaml)\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(
    r"(?:^|[;&|]|run:|\$ |do |xargs [^\n]*?--no-run-if-empty )\s*expand (?P<rest>[^\n|;&#)]*)", re.M
)


def commands() -> list[str]:
    blocks = "\n".join(INSIDE.findall(PAGE))
    return sorted({m["rest"].split("  ")[0].strip() for m in COMMAND.finditer(blocks)})


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_page_exists(line: str) -> None:
    name, *rest = shlex.split(line.replace("…", "").replace("[NAME]", ""))
    command = cli.commands[name]
    assert isinstance(command, click.Command)
    known = {o for p in command.params for o in p.opts}
    for word in rest:
        assert not word.startswith("-") or word in known, f"{name} has no {word}"


def test_the_page_names_several() -> None:
    assert {"batch", "check", "merge", "review", "status", "undo"} <= {c.split()[0] for c in commands()}


def test_keys_of_the_page_are_those_of_the_terminal() -> None:
    named = set(re.findall(r"`(\w)`", PAGE[PAGE.index("| key |") : PAGE.index("A clean draft")]))
    browser_only = {"J", "K", "o", "t", "v"}
    assert named - browser_only <= set(ACTIONS)
