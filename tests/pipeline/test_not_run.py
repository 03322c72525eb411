"""Nothing is claimed that was not measured: where programs cannot run, their results stand nowhere."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from agent.errors import NotRun, SandboxUnavailable
from agent.lab import open_sandbox
from agent.pipeline.evidence import Evidence
from agent.report.screens.runs import show_finished
from tests.fakes.openai_server import Seen, Step, Text
from tests.pipeline.desk import FAKE, QUICK, Nursery, Service, Site, prompt_of, task_of

OWN = """再看第三式，

\\begin{equation}
y = 3x
\\label{eq:third}
\\end{equation}

自检：

```python experiment id=practice1
emit("gap", 0.1875)
```

相差 {{practice1.gap}}，即 $d={{practice1.gap}}$。"""
SUMMARY = "程序给出 {{exp1.total}}，依据是式$\\eqref{eq:double}$。"


class Author(Service):
    """Its third theory part brings a program of its own, and its summary cites the experiment."""

    def take(self, seen: Seen) -> Step:
        prompt = prompt_of(seen)
        own = task_of(prompt) == "# 任务：写" and "theory.3「" in prompt.rpartition("# 任务：写")[2]
        if own or "# 任务：写全文小结" in prompt:
            self.requests.append(seen)
            return Text(OWN if own else SUMMARY, chunk=20_000)
        return super().take(seen)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Site]:
    """A draft whose programs ran, and the recording of its answers."""
    try:
        open_sandbox()
    except SandboxUnavailable as error:
        pytest.skip(f"no sandbox on this machine: {error}")
    with Author() as service:
        site = Site(tmp_path_factory.mktemp("measured"), nursery).using(service)
        site.config(QUICK.replace("enabled = false", "enabled = true"))
        site.article("a.md")
        done = site.expand("run", "a", "--model", FAKE)
        assert done.code in (0, 1), done.err
        assert site.expand("ledger", "export", "answers.jsonl", "--slug", "a").code == 0
        yield site


@pytest.fixture
def replayed(measured: Site, new_site: Callable[[str], Site]) -> tuple[Site, str]:
    """The recording replayed where nothing runs, and what the run said."""
    site = new_site("replayed")
    site.article("a.md")
    shutil.copyfile(measured.root / "answers.jsonl", site.root / "answers.jsonl")
    done = site.expand("run", "a", "--model", "replay:answers.jsonl")
    assert done.code == 1, done.err
    return site, done.out


def test_what_ran_is_bound_and_shown_as_run(measured: Site) -> None:
    draft = measured.draft("a").decode()
    assert "相差 0.1875，即 $d=0.1875$" in draft
    assert "```python experiment id=practice1\n" in draft
    assert "程序给出 1.644" in draft
    assert "程序逐项相加，得到 1.644" in draft
    assert measured.report("a")["laboratory"] == "open"


def test_a_recording_of_other_runs_brings_none_of_their_results(replayed: tuple[Site, str]) -> None:
    site, said = replayed
    draft, report = site.draft("a").decode(), site.report("a")
    assert "{{" not in draft
    assert "1.644" not in draft
    assert "程序逐项相加，得到" not in draft, "the discussion of a run that did not happen"
    assert "程序给出" not in draft, "nor the summary that cites it"
    verdicts = {s["id"]: (s["verdict"], s.get("reason", "")) for s in report["sections"]}
    assert verdicts["experiments.1"][0] == verdicts["summary"][0] == "unfinished"
    assert "exp1" in verdicts["experiments.1"][1]
    assert "exp1" in verdicts["summary"][1]
    assert "experiments.1" not in [p.stem for p in site.output("a").glob("sections/*.md")]
    assert "相差 （未运行），即 $d=\\text{（未运行）}$" in draft
    assert "```python listing id=practice1\n" in draft, "a program that did not run is a listing"
    assert "python experiment" not in draft
    assert report["laboratory"] == "off"
    assert report["verdict"] == "fail"
    assert re.search(r"the laboratory is off: 2 experiments and all witnesses 未运行", said)


def test_a_section_that_cites_what_did_not_run_is_not_accepted_unseen(replayed: tuple[Site, str]) -> None:
    site, _ = replayed
    rows = {s["id"]: s for s in site.report("a")["sections"]}
    assert rows["theory.3"]["verdict"] == "fail"
    assert any("practice1 did not run" in f["message"] for f in rows["theory.3"]["findings"])
    events = site.events()
    for sections in ((), ("theory.3",)):
        done = site.expand("accept", "a", *sections)
        assert done.code == 1
        assert "theory.3" in done.err
        assert "--with-errors" in done.err
    assert site.events() == events, "nothing was accepted"
    assert site.expand("accept", "a", "theory.2").code == 0
    assert site.expand("accept", "a", "theory.3", "--with-errors").code == 0


def test_an_unbound_result_is_never_merged(replayed: tuple[Site, str]) -> None:
    """A draft of an older version, or an edit by hand, may hold one, however it came to be accepted."""
    site, _ = replayed
    path = site.output("a") / "sections" / "theory.2.md"
    path.write_text(path.read_text(encoding="utf-8") + "\n损失 $x={{exp1.total}}$。\n", encoding="utf-8")
    assert site.expand("accept", "a", "--with-errors").code == 0
    source = (site.root / "blogs_raw" / "a.md").read_bytes()
    done = site.expand("merge", "a")
    assert done.code == 1
    assert "theory.2 cites {{exp1.total}}, which no run produced" in done.err
    assert (site.root / "blogs_raw" / "a.md").read_bytes() == source


def test_the_summary_of_a_run_names_the_cause(replayed: tuple[Site, str]) -> None:
    site, _ = replayed
    for state, said in (("no sandbox", "no sandbox: 2 experiments"), ("open", "")):
        console = Console(file=io.StringIO(), width=200)
        show_finished(console, [{**site.report("a"), "laboratory": state}])
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert ("未运行; " in text) == bool(said)
        assert said in text


def test_the_evidence_of_a_run_that_was_not_says_why() -> None:
    with pytest.raises(NotRun, match="exp1 没有输出：超时"):
        Evidence(failures={"exp1": "超时"}).ran("exp1")
    with pytest.raises(NotRun, match="exp2 没有输出"):
        Evidence().ran("exp2")


def test_a_part_is_never_written_around_an_experiment_that_did_not_run(
    site: Site, service: Service, tmp_path: Path
) -> None:
    """A planner may give it a part all the same."""
    site.article("a.md")
    service.before = lambda number, seen: _with_experiment(service, seen)
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code == 1, done.err
    row = next(s for s in site.report("a")["sections"] if s["id"] == "experiments.1")
    assert (row["verdict"], row["reason"]) == ("unfinished", "exp1 没有输出：实验室没有启用")
    assert not [
        p for p in map(prompt_of, service.requests) if "experiments.1「" in p.rpartition("# 任务：写")[2]
    ]


def _with_experiment(service: Service, seen: Seen) -> Step | None:
    if "# 任务：把内容分给各章" not in prompt_of(seen):
        return None
    text = service.written(seen).text
    at = text.index('"experiments.1"')
    return Text(text[:at] + text[at:].replace('"experiment": null', '"experiment": "exp1"', 1), chunk=20_000)


def test_a_sandbox_that_breaks_down_is_no_matter_for_a_model(
    site: Site, service: Service, tmp_path: Path
) -> None:
    """Its open is fine, each run after that is not: neither program nor witness is sent back for it."""
    real = shutil.which("bwrap")
    if real is None:
        pytest.skip("no bubblewrap on this machine")
    script = tmp_path / "bin" / "bwrap"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\nfor last; do :; done\ncase "$last" in --help|true) exec {real} "$@";; esac\n'
        'echo "bwrap: Can\'t find source path /secret" >&2\nexit 1\n'
    )
    script.chmod(0o755)
    site.env["PATH"] = f"{script.parent}:{site.env['PATH']}"
    site.config(QUICK.replace("enabled = false", "enabled = true"))
    site.article("a.md")
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code in (0, 1), done.err
    assert "/secret" in done.err, "a person is told"
    prompts = [prompt_of(r) for r in service.requests]
    assert any("# 怎样写实验程序" in p for p in prompts), "the laboratory was open"
    assert not [p for p in prompts if "# 改实验程序" in p or "# 见证没有通过" in p]
    assert not [p for p in prompts if "/secret" in p]
    report = site.report("a")
    assert report["experiments"][0]["verdict"] == "undecided"
    assert {w["grade"] for w in report["witnesses"] if "grade" in w} == {"not-run"}
