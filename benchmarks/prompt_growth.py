"""How prompts grow with the number of sections, beside the way that sends everything again with each one.

One article of the repository is expanded with 8, 16 and 32 sections by a model in this process whose plans and replies
are about as long as those of a real run (2,700 tokens a section, 15,000 a prompt). Counted are the o200k
tokens of all section prompts. "Everything again" is one conversation: the same start once, then with each call all
tasks and replies before it.

Prints three ratios; 0 as the exit code means: linear growth (a section's prompt at 32 costs at most 1.5 times that at
8), under a quarter of everything-again at 32, at least 80% of every prompt shared. Run as
``python -m benchmarks.prompt_growth``.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.llm import Ledger
from agent.pipeline.resources import shared
from agent.pipeline.run import Watch, expand_one
from agent.records import Call, Reply, Usage
from agent.tokens import count
from agent.workspace import find

SOURCE = Path(__file__).resolve().parent.parent / "blogs_raw" / "早停与岭回归差多少.md"
SIZES: dict[int, dict[str, int]] = {
    8: {"history": 1, "intuition": 1, "theory": 3, "failure": 1, "practice": 1, "frontier": 1},
    16: {"history": 2, "intuition": 2, "theory": 6, "failure": 2, "practice": 2, "frontier": 2},
    32: {"history": 3, "intuition": 4, "theory": 13, "failure": 5, "practice": 4, "frontier": 3},
}
LINES = 62
ROWS = 50
FACTS = 20
"""As many as the outline's schema allows, or fewer."""
CONFIG = """\
[targets]
lines = 100
formulas = 4
[loop]
referee = false
repairs = 0
rounds = 0
[lab]
enabled = false
"""
LINE = "把第 {n} 步的更新写成对称矩阵的函数，特征方向 $u_{{{n}}}$ 上的系数是 $(1-\\eta\\lambda)^{{{n}}}$，其余方向互不影响，逐个比较即可。"


class Scripted:
    """Answers in the form and at the length of a real run."""

    spec = identity = "mailbox"
    context_window: int | None = None

    def __init__(self, sections: int) -> None:
        self.sections = sections

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        return Reply(self._answer(call.name, call.messages[-1].content), usage=Usage(1, 0, 1))

    async def aclose(self) -> None:
        """Nothing is open."""

    def _answer(self, name: str, prompt: str) -> str:
        stage = name.partition("/")[2]
        if stage == "reading":
            return reading()
        if stage == "outline":
            return outline(self.sections)
        if stage == "division":
            return division(self.sections)
        if stage.endswith("/smooth"):
            return "@@ 无"
        return section(stage)


def section(stage: str) -> str:
    """One part: prose, and the formula that it was given."""
    part = stage.partition("/")[0]
    label = re.sub(r"\W", "-", part)
    rows = [LINE.format(n=n) for n in range(1, ROWS)]
    rows.append(f"\\begin{{equation}}\nx+x=2x\n\\label{{eq:{label}}}\n\\end{{equation}}")
    return "\n\n".join(rows)


def reading() -> str:
    say = "由谱分解得到的滤波函数逐项相加，要用到特征值全为正这个没有写出的条件；代入 $\\lambda=0$ 就看得出来，两边不再相等"
    return dumps(
        {
            "thesis": "两种做法是同一族谱滤波，差别可以算出来。" + say,
            "assumptions": [
                {
                    "id": f"A{n}",
                    "text": say,
                    "line": 9,
                    "explicit": False,
                    "used_at": "9",
                    "fails_when": "特征值为零",
                }
                for n in range(1, 13)
            ],
            "notation": [
                {
                    "tex": f"x_{{{n}}}",
                    "meaning": "第几个方向上的系数",
                    "kind": "标量",
                    "domain": "实数",
                    "line": 9,
                }
                for n in range(36)
            ],
            "skipped": [
                {"id": f"S{n}", "line": 9, "quote": "显然有", "gap": say, "bridge": say, "grade": "常规"}
                for n in range(1, 25)
            ],
            "slips": [],
            "questions": [{"id": f"Q{n}", "line": None, "ask": say, "by": "推导"} for n in range(1, 15)],
        }
    )


def parts(sections: int) -> list[str]:
    return [f"{chapter}.{n}" for chapter, many in SIZES[sections].items() for n in range(1, many + 1)]


def outline(sections: int) -> str:
    facts = [
        {
            "label": f"eq:{p.replace('.', '-')}", "lhs": "\\sum_{k=0}^{t-1}\\eta(1-\\eta\\lambda)^{k}", "rel": "=",
            "rhs": "\\frac{1-(1-\\eta\\lambda)^{t}}{\\lambda}", "error": None,
            "given": "$\\lambda>0$，步长 $\\eta$ 小于二除以最大特征值，$t$ 为正整数，初值为零", "check": "$t=1$ 时两边都是 $\\eta$",
            "witness": "照定义逐步迭代，再与右端相减",
        }
        for p in parts(sections)[:FACTS]
    ]  # fmt: skip
    return dumps(
        {
            "argument": "补上跳过的步骤，再问近似能不能去掉，常数从哪里来，条件不成立时差多少。" * 3,
            "symbols": [{"tex": "u", "meaning": "积分变量", "kind": "标量", "domain": "实数"}],
            "facts": facts, "experiments": [], "left_out": [],
        }
    )  # fmt: skip


def division(sections: int) -> str:
    def part(id: str) -> dict[str, Any]:
        return {
            "id": id, "title": f"关于 {id} 的一步推导", "purpose": "补上原文跳过的一步，说明它用到哪个条件，再代入一个能手算的例子核对，指出条件不成立时差多少",
            "after": None, "inline": False, "covers": [], "claims": ["两边相等，条件写明", "常数可以算出来，并与原文的数一致"],
            "formulas": [f"eq:{id.replace('.', '-')}"] if id in parts(sections)[:FACTS] else [], "experiment": None, "not_here": "一般情形的证明归前一部分，实验归实验一章", "lines": LINES,
        }  # fmt: skip

    chapters = [
        {"id": chapter, "parts": [part(f"{chapter}.{n}") for n in range(1, many + 1)]}
        for chapter, many in SIZES[sections].items()
    ]
    return dumps({"sections": chapters, "terms": [], "citations": [], "uncovered": [], "wanted": []})


def dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def prompts_of(sections: int) -> tuple[list[str], list[str]]:
    """Prompts and replies of all section calls."""

    async def main(root: Path, path: Path) -> None:
        async with shared(find(root), Watch()) as resources:
            resources._models["mailbox:unused"] = Scripted(sections)
            await expand_one(resources, path, spec="mailbox:unused")

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "config.toml").write_text(CONFIG, encoding="utf-8")
        path = root / "blogs_raw" / "a.md"
        path.parent.mkdir()
        path.write_bytes(SOURCE.read_bytes())
        asyncio.run(main(root, path))
        with Ledger(root / "outputs" / "ledger.db") as ledger:
            rows = [r for r in ledger.rows() if re.fullmatch(r"a/[a-z]+\.\d+/write", r.name)]
            calls = [ledger.call(r.key) for r in rows]
    assert len(rows) == sections, (len(rows), sections)
    return ["".join(m.content for m in c.messages) for c in calls if c], [r.reply.text for r in rows]


def common_start(texts: list[str]) -> str:
    """What all begin with: it is that of the first and the last in order."""
    first, last = min(texts), max(texts)
    return first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def main() -> int:
    print(
        "| sections | prompt tokens | a section | everything again | ours ÷ that | shared start |\n|---|---|---|---|---|---|"
    )
    each: dict[int, float] = {}
    quarter = share = 1.0
    for sections in SIZES:
        prompts, replies = prompts_of(sections)
        start = common_start(prompts)
        tokens = [count(p) for p in prompts]
        begin = count(start)
        turns = [t - begin + count(r) for t, r in zip(tokens, replies, strict=True)]
        again = sum(tokens) + sum(sum(turns[:k]) for k in range(sections))
        shares = [begin / t for t in tokens]
        each[sections] = sum(tokens) / sections
        quarter, share = sum(tokens) / again, min(share, *shares)
        print(
            f"| {sections} | {sum(tokens):,} | {each[sections]:,.0f} | {again:,} | {quarter:.3f} | {min(shares):.1%} |",
            flush=True,
        )
    growth = each[32] / each[8]
    print(f"\na section's prompt, 32 ÷ 8 sections: {growth:.2f} (1 is exactly linear; bar 1.5)")
    print(f"prompt tokens at 32 ÷ everything again: {quarter:.3f} (bar 0.25)")
    print(f"least share of a prompt that all have in common: {share:.1%} (bar 80%)")
    return 0 if growth <= 1.5 and quarter < 0.25 and share >= 0.8 else 1


if __name__ == "__main__":
    raise SystemExit(main())
