"""Values of experiments bound into text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pipeline.bind import bind, folded, unknown_outputs
from agent.pipeline.evidence import Run, RunText

RUN = Run(
    "exp1",
    'emit("loss", 0.5)\n',
    RunText("", "", "", "terms 1000\n"),
    values={
        "loss": 0.123456789,
        "steps": 1000,
        "tiny": 1.5e-9,
        "share": 12.5,
        "name": "甲_乙",
        "ok": True,
        "none": None,
    },
    units={"share": "%"},
    tables={"first": "| a |\n|---|\n| 1 |", "second": "| b |"},
    figures={"curve": b"png"},
)
RUNS = {"exp1": RUN}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("损失 {{exp1.loss}}。", "损失 0.1235。"),
        ("{{ exp1.steps }} 步", "1000 步"),
        ("占 {{exp1.share}}", "占 12.5%"),
        ("$x={{exp1.tiny}}$", "$x=1.5\\times 10^{-9}$"),
        ("早停在$t=${{exp1.steps}}，", "早停在$t=1000$，"),
        ("占$x${{ exp1.share }}。", "占$x12.5\\%$。"),
        ("方法$A${{exp1.name}}", "方法$A$甲_乙"),
        ("价\\${{exp1.steps}}", "价\\$1000"),
        ("{{exp1.table:second}}", "| b |"),
        ("{{exp1.table}}", "| a |\n|---|\n| 1 |"),
        ("{{exp1.figure:curve}}", "![curve](assets/slug/exp1-curve.png)"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    bound = bind(text, "r", RUNS, "slug")
    assert bound.text == expected
    assert len(bound.bindings) == 1
    assert bound.bindings[0].text in expected


@pytest.mark.parametrize(
    "text",
    [
        "$\\frac{{a}}{{b}}$",
        "$x_{{exp2.loss}}$",
        "{{other.thing}}",
        "```python listing\nprint('{{exp1.loss}}')\n```",
        "{{exp1}}",
        "{{exp1.loss}",
        "{ {exp1.loss} }",
    ],
)
def test_what_is_no_placeholder_stays(text: str) -> None:
    assert bind(text, "r", RUNS, "slug").text == text


def test_what_an_experiment_did_not_give_stays_and_is_listed() -> None:
    text = "一 {{exp1.acc}}\n二 {{exp1.figure:none}} {{exp1.table:none}} {{exp1.loss}}"
    bound = bind(text, "r", RUNS, "slug")
    assert bound.unknown == ("{{exp1.acc}}", "{{exp1.figure:none}}", "{{exp1.table:none}}")
    assert bound.text == text.replace("{{exp1.loss}}", "0.1235")
    assert [(line, shown) for line, shown, _ in unknown_outputs(text, RUNS, {})] == [
        (1, "{{exp1.acc}}"),
        (2, "{{exp1.figure:none}}"),
        (2, "{{exp1.table:none}}"),
    ]


def test_an_experiment_that_is_not_there_or_failed_is_said_so() -> None:
    text = "{{practice1.x}}，{{exp2.y}}，{{a.b}}"
    found = unknown_outputs(text, RUNS, {"exp2": "Traceback\nNameError: z"})
    assert [shown for _, shown, _ in found] == ["{{practice1.x}}", "{{exp2.y}}"]
    assert "没有这个实验" in found[0][2]
    assert "NameError: z" in found[1][2]


@given(
    st.lists(
        st.sampled_from(
            ["{{exp1.loss}}", "{{exp1.steps}}", "{{exp1.nope}}", "{{exp9.loss}}", "文", "$a$", "\n\n"]
        ),
        max_size=12,
    )
)
def test_bindings_are_numbered_in_order_and_stand_in_the_text(pieces: list[str]) -> None:
    bound = bind("".join(pieces), "r", RUNS, "slug")
    wanted = [p[7:-2] for p in pieces if p in ("{{exp1.loss}}", "{{exp1.steps}}")]
    assert [b.name for b in bound.bindings] == wanted
    assert [b.occurrence for b in bound.bindings] == list(range(len(wanted)))
    at = 0
    for binding in bound.bindings:
        at = bound.text.index(binding.text, at) + len(binding.text)
    assert len(bound.unknown) == pieces.count("{{exp1.nope}}")
    assert bound.text.count("{{exp9.loss}}") == pieces.count("{{exp9.loss}}")


def test_code_and_output_are_folded() -> None:
    shown = folded(RUN)
    assert shown.startswith("<details><summary>")
    assert '```python experiment id=exp1\nemit("loss", 0.5)\n```' in shown
    assert "```text\nterms 1000\n```" in shown
