"""Two parts that bring a program of one name: each is bound to its own run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import SandboxUnavailable
from agent.lab import open_sandbox
from agent.pipeline.brought import retold, told_apart
from agent.pipeline.evidence import Evidence, Run, RunText
from agent.pipeline.packs import Pack
from agent.pipeline.writer import Draft
from tests.fakes.openai_server import Seen, Step, Text
from tests.pipeline.desk import FAKE, QUICK, Service, Site, prompt_of, task_of

VALUES = {"history.1": "1.5", "philosophy.1": "99.25"}


class Author(Service):
    """Two of its chapters bring a program called practice1."""

    def take(self, seen: Seen) -> Step:
        task = prompt_of(seen).rpartition("# 任务：写")[2]
        for id, value in VALUES.items():
            if task_of(prompt_of(seen)) == "# 任务：写" and f"{id}「" in task:
                self.requests.append(seen)
                program = f'```python experiment id=practice1\nemit("x", {value})\n```'
                return Text(f"见 practice1：\n\n{program}\n\n得到 {{{{practice1.x}}}}。", chunk=20_000)
        return super().take(seen)


def test_two_parts_with_one_name_keep_their_own_values_and_files(new_site: Callable[[str], Site]) -> None:
    try:
        open_sandbox()
    except SandboxUnavailable as error:
        pytest.skip(f"no sandbox on this machine: {error}")
    site = new_site("two")
    site.config(QUICK.replace("enabled = false", "enabled = true"))
    site.article("a.md")
    with Author() as author:
        done = site.using(author).expand("run", "a", "--model", FAKE)
    assert done.code in (0, 1), done.err
    texts = {p.stem: p.read_text(encoding="utf-8") for p in site.output("a").glob("sections/*.md")}
    assert "得到 1.5。" in texts["history.1"]
    assert "得到 99.25。" in texts["philosophy.1"]
    programs = {p.stem: p.read_text(encoding="utf-8") for p in site.output("a").glob("experiments/p*.py")}
    assert programs == {"practice1": 'emit("x", 1.5)\n', "practice2": 'emit("x", 99.25)\n'}
    assert "见 practice2：\n\n```python experiment id=practice2\n" in texts["philosophy.1"]
    values = {e["id"]: e["values"] for e in site.report("a")["experiments"] if e["id"] != "exp1"}
    assert values == {"practice1": {"x": 1.5}, "practice2": {"x": 99.25}}


def draft(number: int, ids: list[str]) -> Draft:
    text = "\n\n".join(
        f"{id} 给出 {{{{{id}.x}}}}\n\n```python experiment id={id}\n{id} = 1\n```" for id in ids
    )
    runs = {id: Run(id, f"{id} = 1", RunText("", "", "", ""), values={"x": number}) for id in ids}
    return Draft(Pack(f"c{number}", ()), text, evidence=Evidence(runs=runs))


@given(
    st.lists(
        st.lists(st.sampled_from(["practice1", "practice2", "practice10", "exp1"]), max_size=3, unique=True),
        max_size=5,
    )
)
def test_every_program_gets_a_name_of_its_own(brought: list[list[str]]) -> None:
    drafts = [draft(n, ids) for n, ids in enumerate(brought)]
    made = told_apart(drafts, {"exp1"})
    ids = [id for d in made for id in d.evidence.runs]
    assert len(ids) == len(set(ids))
    assert "exp1" not in ids
    for number, (before, after) in enumerate(zip(drafts, made, strict=True)):
        assert [r.id for r in after.evidence.runs.values()] == list(after.evidence.runs)
        assert all(r.values["x"] == number for r in after.evidence.runs.values())
        for old, new in zip(before.evidence.runs, after.evidence.runs, strict=True):
            assert (
                f"{new} 给出 {{{{{new}.x}}}}\n\n```python experiment id={new}\n{old} = 1\n```" in after.text
            )
    assert told_apart(made, {"exp1"}) == made


def test_code_and_longer_names_stay() -> None:
    text = (
        "practice1、practice10、`practice1`\n\n```python listing\npractice1 = 2\n```\n\n$\\text{practice1}$"
    )
    assert retold(text, {"practice1": "practice3"}) == (
        "practice3、practice10、`practice3`\n\n```python listing\npractice1 = 2\n```\n\n$\\text{practice3}$"
    )
