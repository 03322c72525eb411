"""What a reader is told of a verdict, behind the formula, in the report and on the review page."""

from __future__ import annotations

from agent.lab import WitnessVerdict
from agent.pipeline.badges import with_badges
from agent.pipeline.evidence import describe
from agent.pipeline.outputs import witness_row
from agent.review.dossier import WitnessView
from agent.web.page import badges

THEOREM = "by Z3, for all real a, b: 2*a*b <= a^2 + b^2"
SHOWN = "\\begin{equation}\n2ab \\leq a^2 + b^2 \\label{eq:means}\n\\end{equation}\n"


def verdict(grade: str) -> WitnessVerdict:
    reason = THEOREM if grade == "proved" else ""
    return WitnessVerdict("a.md", "eq:means", "verified", grade, "Z3", 12, 12, "evaluated", 0.1, reason)


def test_what_is_proved_is_called_proved_everywhere() -> None:
    for grade, word in (("proved", "已证明"), ("exact", "已核验")):
        found = verdict(grade)
        assert f">[{word}](assets/s/" in with_badges(SHOWN, {"eq:means": found}, "s")
        row = witness_row("eq:means", found)
        assert (row["verdict"], row["grade"]) == ("verified", grade)
        view = WitnessView("eq:means", "verified", row["says"], "", grade, "Z3", 12, 12, "evaluated", ())
        assert f">{word}</a>" in badges([view])(["eq:means"])
    assert describe(verdict("proved")) == f"已证明（{THEOREM}）"
    assert describe(verdict("exact")) == "已核验"
