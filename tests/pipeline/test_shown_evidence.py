"""What writers, referee and summary are shown of the evidence: seeds one by one, doubts, figures, corrections."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest

from agent.lab import Value
from agent.pipeline.laboratory import value_line
from tests.fakes.openai_server import Seen, Step, Text
from tests.pipeline.desk import FAKE, QUICK, SHORT, Service, Site, task_of

PROGRAM = """```python experiment id=exp1
import matplotlib.pyplot as plt
emit("total", runs=[1.25, 1.5, 9.75], unit="%")
emit("refuted", 0)
plt.plot([1, 2])
plt.ylabel("损失")
figure("curve")
```"""
EQUATIONS = "\n\n".join(
    f"第{n}步得到\n\n\\begin{{equation}}\nx+{n}x = {n + 1}x\n\\label{{eq:theory-3-step{n}}}\n\\end{{equation}}"
    for n in range(2, 9)
)


def text_of(seen: Seen) -> str:
    content = seen.body["messages"][-1]["content"]
    return content if isinstance(content, str) else str(content[0]["text"])


def pictures(seen: Seen) -> list[bytes]:
    content = seen.body["messages"][-1]["content"]
    parts = [] if isinstance(content, str) else content[1:]
    return [base64.b64decode(p["image_url"]["url"].partition(",")[2]) for p in parts]


class Author(Service):
    """Its experiment has seeds and a figure; its third theory part shows seven formulas that nobody planned."""

    def take(self, seen: Seen) -> Step:
        prompt = text_of(seen)
        if "# 怎样写实验程序" in prompt or "# 改实验程序" in prompt:
            self.requests.append(seen)
            return Text(PROGRAM, chunk=20_000)
        if task_of(prompt) == "# 任务：写" and "theory.3「" in prompt.rpartition("# 任务：写")[2]:
            self.requests.append(seen)
            return Text(EQUATIONS + "\n\n%% eq:third 推出来只对正数成立", chunk=20_000)
        return super().take(seen)

    def written(self, seen: Seen) -> Text:
        flat = [{**m, "content": text_of(seen)} if m["role"] == "user" else m for m in seen.body["messages"]]
        return super().written(replace(seen, body={**seen.body, "messages": flat}))

    def about(self, mark: str, part: str = "") -> list[Seen]:
        return [s for s in self.requests if mark in text_of(s) and part in text_of(s)]


@pytest.fixture(params=[False, True])
def ran(request: pytest.FixtureRequest, site: Site) -> tuple[Author, bool]:
    see = "\n[model]\nfigures = true\n" if request.param else ""
    site.config(QUICK.replace("enabled = false", "enabled = true\nformulas = 6") + see)
    site.article("两数之和.md", SHORT)
    with Author() as author:
        done = site.using(author).expand("run", "两数之和", "--model", FAKE)
    assert done.code in (0, 1), done.err
    return author, request.param


def test_the_evidence_that_prompts_show(ran: tuple[Author, bool]) -> None:
    author, sees = ran
    (discussion,) = author.about("# 怎样写实验的正文")
    (referee,) = author.about("# 怎样审稿", "exp1 的输出")
    (summary,) = author.about("# 任务：写全文小结")
    for seen in (discussion, referee, summary):
        assert "total = 4.167%（逐个种子：1.25、1.5、9.75）" in text_of(seen)
    for seen in (discussion, referee):
        assert "图 curve 的横轴没有名称" in text_of(seen)
        assert [png[:4] for png in pictures(seen)] == ([b"\x89PNG"] if sees else [])
        assert ("exp1 的 curve" in text_of(seen)) == sees
    assert ("图你看不到" in text_of(discussion)) != sees
    assert not pictures(summary)
    assert "eq:third 推出来只对正数成立" in text_of(summary)

    asked = [
        re.findall(r"^(eq:theory-3-\S+)$", text_of(s), re.M)
        for s in author.about("# 任务：为下列公式写见证", "eq:theory-3-step")
    ]
    assert sorted(map(len, asked)) == [2, 4], "six of seven, four in a call"
    assert {x for labels in asked for x in labels} == {f"eq:theory-3-step{n}" for n in range(2, 8)}


def test_many_seeds_are_shown_by_how_they_lie() -> None:
    few = Value(2.0, "", (1.0, 2.0, 3.0))
    many = Value(6.5, "", tuple(float(n) for n in range(1, 14)))
    assert value_line("a", few) == "a = 2（逐个种子：1、2、3）"
    assert (
        value_line("b", many)
        == "b = 6.5（逐个种子：13 个，最小 1，下四分位 4，中位 7，上四分位 10，最大 13）"
    )
    assert value_line("c", Value(1.0)) == "c = 1"
