"""evaluate: what is measured, and a judge whose position bias does not decide."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from agent.cli import cli
from agent.errors import BudgetReached
from agent.llm import Ledger
from agent.pipeline.badges import with_badges

SOURCE = "# 题\n\n设$x>0$，显然\n\\begin{equation}x+x=2x\\label{eq:a}\\end{equation}\n\n## 小结\n\n完。\n"
REGION = "<!-- expand:begin theory.1 glue=0 -->\n\n### 补一步\n\n两边同除以$x$，得到 $1+1=2$。{text}\n\n<!-- expand:end theory.1 -->\n\n"
JUDGE = """
import json, sys
prompt = sys.stdin.read()
first, second = prompt.split("<甲>")[1].split("</甲>")[0], prompt.split("<乙>")[1].split("</乙>")[0]
rule = sys.argv[1]
winner = "甲" if rule == "first" else "甲" if "好" in first else "乙" if "好" in second else "平"
score = {"winner": winner, "reason": "说理由"}
names = ("faithful", "correct", "gaps", "insight", "honest", "readable")
look = [{"which": w, "line": 1, "verdict": "对", "why": "代入"} for w in ("甲", "乙")]
print(json.dumps({"rederived": look, "evidence": [], "scores": dict.fromkeys(names, score), "overall": score}))
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two expansions of one source, and a judge."""
    a, b, judge = tmp_path / "a.md", tmp_path / "b.md", tmp_path / "judge.py"
    for path, text in ((a, "这样写好。"), (b, "这样写。")):
        path.write_text(SOURCE.replace("## 小结", REGION.format(text=text) + "## 小结"), encoding="utf-8")
    judge.write_text(JUDGE, encoding="utf-8")
    return a, b, judge


def run(*args: str, cache: Path) -> dict[str, list[dict[str, object]]]:
    done = CliRunner().invoke(
        cli, ["-C", str(cache), "evaluate", *args, "--json"], env={"XDG_CACHE_HOME": str(cache)}
    )
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def test_measures_need_no_model(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    measured = run(str(files[0]), cache=tmp_path)["measured"][0]
    assert measured["formulas"] == 1
    assert measured["lines"] == 16
    assert measured["witnesses"] == {}


@pytest.mark.parametrize(("rule", "winner"), [("first", "tie"), ("content", "a")])
def test_a_preference_that_turns_with_the_order_is_a_tie(
    rule: str, winner: str, files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    a, b, judge = files
    spec = f"command:{sys.executable} {judge} {rule}"
    compared = run(str(a), "--against", str(b), "--model", spec, cache=tmp_path)["compared"][0]
    assert compared["winner"] == winner
    readings = compared["readings"]
    assert isinstance(readings, list)
    assert [r["order"] for r in readings] == ["ab", "ba"]
    assert all(r["raw"]["rederived"] for r in readings)


def test_without_a_model_the_judge_is_asked_for(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli, ["-C", str(tmp_path), "evaluate", str(files[0]), "--against", str(files[1])]
    )
    assert done.exit_code != 0
    assert "--model" in str(done.exception)


def test_a_cap_of_the_workspace_holds_for_the_judge(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    a, b, judge = files
    (tmp_path / "config.toml").write_text("[budget]\ntokens = 10\n", encoding="utf-8")
    spec = f"command:{sys.executable} {judge} content"
    done = CliRunner().invoke(
        cli, ["-C", str(tmp_path), "evaluate", str(a), "--against", str(b), "--model", spec]
    )
    assert isinstance(done.exception, BudgetReached)
    with Ledger(tmp_path / "outputs" / "ledger.db") as ledger:
        assert ledger.rows() == []


def test_the_judge_sees_no_badge(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Only this program writes them, so one would tell whose the text is."""
    a, b, _ = files
    bare = a.read_text(encoding="utf-8")
    shown = with_badges(bare, {"eq:a": SimpleNamespace(verdict="verified")}, "a")
    assert "已核验" in shown
    a.write_text(shown, encoding="utf-8")
    peek = tmp_path / "peek.py"
    peek.write_text(
        f"import sys\nprompt = sys.stdin.read()\nopen({str(tmp_path / 'seen')!r}, 'a').write(prompt)\n"
        "sys.argv = ['', 'content']\nimport io\nsys.stdin = io.StringIO(prompt)\n" + JUDGE,
        encoding="utf-8",
    )
    run(str(a), "--against", str(b), "--model", f"command:{sys.executable} {peek}", cache=tmp_path)
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert "2x\\label{eq:a}\\end{equation}\n" in seen
    assert "witness" not in seen.rpartition("<甲>")[2]
    assert "已核验" not in seen.rpartition("<甲>")[2]
