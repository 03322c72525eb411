"""The one count of claims: it adds up, whatever witnesses there are."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.commands.evaluation import evaluate_files
from agent.lab.witness import VERDICTS
from agent.pipeline.tally import tally
from agent.pipeline.watch import Watch

SOURCE = "# 题\n\n设$x>0$，\n\\begin{equation}x+x=2x\\label{eq:a}\\end{equation}\n\n"
REGION = "<!-- expand:begin theory.1 glue=0 -->\n\n### 补一步\n\n{}\n\n<!-- expand:end theory.1 -->\n\n"
SHOWN = {
    "eq:sum": "x+1=1+x",
    "eq:more": "x < x+1",
    "eq:new": "q = 2x",  # defines q, so it claims nothing
    "eq:free": "x+2",
}


def draft() -> bytes:
    rows = (
        f"\\begin{{equation}}\n{tex}\n\\label{{theory.1:{label}}}\n\\end{{equation}}\n"
        for label, tex in SHOWN.items()
    )
    return (SOURCE + REGION.format("\n".join(rows))).encode()


def rows(**verdicts: str) -> list[dict[str, str]]:
    return [{"label": f"eq:{label}", "verdict": verdict} for label, verdict in verdicts.items()]


def test_a_claim_without_witness_is_unchecked() -> None:
    assert tally(draft(), []) == {"unchecked": 2}


def test_a_witness_makes_a_claim_of_its_formula_and_one_that_is_not_shown_counts_nowhere() -> None:
    found = tally(draft(), rows(sum="verified", new="unchecked", gone="refuted"))
    assert found == {"verified": 1, "unchecked": 2}


@given(st.dictionaries(st.sampled_from([*SHOWN, "eq:gone"]), st.sampled_from(VERDICTS)))
def test_verdicts_add_up_to_the_claims(known: dict[str, str]) -> None:
    found = tally(draft(), [{"label": label, "verdict": verdict} for label, verdict in known.items()])
    assert sum(found.values()) == len({"eq:sum", "eq:more", *known} & set(SHOWN))
    assert all(found.values())


def test_of_a_display_with_several_the_weakest_counts() -> None:
    text = "\\begin{align}\nx &= x \\label{eq:a} \\\\\nx+1 &= 1+x \\label{eq:b}\n\\end{align}\n"
    assert tally(text.encode(), rows(a="verified", b="refuted")) == {"refuted": 1}


def test_evaluate_counts_as_the_report_does(tmp_path: Path) -> None:
    """The draft as its report tells of it; one file alone knows of no witness."""
    path = tmp_path / "draft.md"
    path.write_bytes(draft())
    (tmp_path / "report.json").write_text(json.dumps({"witnesses": rows(sum="verified")}), encoding="utf-8")
    measured = evaluate_files(tmp_path, [path], against=None, source=None, spec=None, watch=Watch()).data[
        "measured"
    ][0]
    assert measured["verdicts"] == {"verified": 1, "unchecked": 1}
    assert measured["claims"] == 2
