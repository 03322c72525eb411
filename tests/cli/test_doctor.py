"""What `expand doctor` says of models: an answer is one only if it is whole."""

from __future__ import annotations

import shlex

import pytest

from agent.commands.doctor import models
from agent.config import Config, RolesConfig


@pytest.mark.parametrize(
    ("said", "answers", "structured"),
    [("", False, False), ("ok", True, False), ('{"ok": "yes"}', True, False), ('{"ok": true}', True, True)],
)
def test_a_model_works_only_if_it_answers_what_was_asked(said: str, answers: bool, structured: bool) -> None:
    rows = models(Config(), f"command:{shlex.join(['echo', said])}")
    assert [(r.name, r.ok) for r in rows] == [
        ("model: answers", answers),
        ("model: json schema", structured),
    ], rows


def test_each_model_that_a_run_would_ask_is_tried_once() -> None:
    config = Config(roles=RolesConfig(writer="command:true", referee="command:true", coder="mailbox:box"))
    rows = models(config, None)
    assert sorted(r.name for r in rows if r.ok is not None) == [
        "model command:true: answers",
        "model command:true: json schema",
    ]
    assert any("mailbox:box" in r.detail for r in rows)
