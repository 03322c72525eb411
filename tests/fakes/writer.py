"""A writer that answers every prompt of the pipeline in the form it asks for, always the same way.

It knows a task by the words of its prompt and takes from the prompt what it needs (line numbers, labels, part
IDs), so it also notices when a prompt stops saying them. Its prose is filler: it is for tests of the machinery.
"""

from __future__ import annotations

import hashlib
import json
import re

FACTS = (
    ("eq:double", "x+x", "2x", "x"),
    ("eq:square", "(x+1)^2", "x^2+2x+1", "x"),
)
WITNESS = {
    "eq:double": 'BIND = {"x": "x"}\ndef claim(x): return 2 * x\ndef check(claim, w):\n    x = w.real(.3, 2.)\n    w.equal(w.quad(lambda s: 2.0, 0., x), claim(x))',
    "eq:square": 'BIND = {"x": "x"}\ndef claim(x): return x**2 + 2 * x + 1\ndef check(claim, w):\n    x = w.real(.3, 2.)\n    w.equal(w.quad(lambda s: 2 * (s + 1), -1., x), claim(x))',
}
PROGRAM = 'total = sum(1 / k**2 for k in range(1, 1001))\nemit("total", total)\nemit("refuted", int(abs(total - 1.6439) > 0.01))\nprint("terms", 1000)'


def answer(prompt: str) -> str:
    """The reply to one prompt (its user message)."""
    for mark, make in TASKS:
        if mark in prompt:
            return make(prompt)
    raise AssertionError(f"the fake writer does not know this prompt: {prompt[-300:]}")


def reading(prompt: str) -> str:
    lines = [int(n) for n in re.findall(r"^(\d+) \S", between(prompt, "<原文>", "</原文>"), re.M)]
    line = lines[len(lines) // 2]
    return dumps(
        {
            "thesis": "两条路给出同一个数。",
            "assumptions": [
                {
                    "id": "A1",
                    "text": "x 是实数",
                    "line": line,
                    "explicit": True,
                    "used_at": str(line),
                    "fails_when": "x 是矩阵",
                }
            ],
            "notation": [
                {"tex": t, "meaning": "一个数", "kind": "标量", "domain": "实数", "line": line}
                for t in ("x", "y", "z")
            ],
            "skipped": [
                {
                    "id": "S1",
                    "line": line,
                    "quote": "显然",
                    "gap": "没有写出",
                    "bridge": "照算",
                    "grade": "常规",
                }
            ],
            "slips": [],
            "questions": [
                {"id": f"Q{n}", "line": None, "ask": "常数是多少？", "by": "推导"} for n in (1, 2, 3)
            ],
        }
    )


def outline(prompt: str) -> str:
    return dumps(
        {
            "argument": "补上跳过的一步，再检验常数。",
            "symbols": [{"tex": "u", "meaning": "积分变量", "kind": "标量", "domain": "实数"}],
            "facts": [
                {
                    "label": label, "lhs": lhs, "rel": "=", "rhs": rhs, "error": None,
                    "given": f"{x} 是实数", "check": "x=1", "witness": "积分",
                }
                for label, lhs, rhs, x in (*FACTS, ("eq:third", "y", "3x", "x"))
            ],
            "experiments": [
                {
                    "id": "exp1", "level": "玩具", "question": "和是多少", "predict": "1.6439", "refute": "差超过 0.01",
                    "design": "逐项相加", "emits": ["total：和"], "figures": [], "seconds": 5,
                }
            ],
            "left_out": [],
        }
    )  # fmt: skip


def division(prompt: str) -> str:
    line = int(re.search(r"S1（(\d+) 行", prompt)[1])  # type: ignore[index]

    def part(id: str, **over: object) -> dict[str, object]:
        return {
            "id": id, "title": f"关于{id}", "purpose": "补一步", "after": None, "inline": False, "covers": [], "claims": ["成立"],
            "formulas": [], "experiment": None, "not_here": "", "lines": 30, **over,
        }  # fmt: skip

    # Nobody discusses what gave no output: then the chapter holds predictions alone.
    ran = None if "｜未运行" in prompt else "exp1"
    sections = [
        {"id": "history", "parts": [part("history.1")]},
        {
            "id": "theory",
            "parts": [
                part("theory.1", after=line, inline=True, covers=["S1"], formulas=["eq:double"], lines=14),
                part("theory.2", after=line, formulas=["eq:square"], lines=60),
                part("theory.3", formulas=["eq:third"], covers=["Q1"], lines=60),
            ],
        },
        {"id": "experiments", "parts": [part("experiments.1", experiment=ran)]},
        {"id": "philosophy", "parts": [part("philosophy.1", lines=10)]},
    ]
    return dumps(
        {
            "sections": sections,
            "terms": [],
            "citations": [],
            "uncovered": [{"id": "Q2", "why": "篇幅"}],
            "wanted": [],
        }
    )


def witness(prompt: str) -> str:
    labels = re.findall(r"^(eq:\S+)$", prompt, re.M)
    blocks = [
        f"```python witness eq={label}\n{WITNESS[label]}\n```"
        if label in WITNESS
        else f"无见证 {label}：这是定义"
        for label in labels
    ]
    return "\n\n".join(blocks)


def program(prompt: str) -> str:
    id = re.search(r"实验 (exp\d+) 的程序", prompt)[1]  # type: ignore[index]
    return f"```python experiment id={id}\n{PROGRAM}\n```"


def prose(prompt: str) -> str:
    """The parts a prompt asks for, each with the formulas it owns."""
    ids = re.findall(r"^=== (\S+)$", between(prompt, "# 任务：写", r"\Z"), re.M)
    ran = "# 怎样写实验的正文" in prompt
    heads = re.findall(r"^# (?:任务：写 )?([a-z]+\.\d+)「", prompt, re.M)
    texts = []
    for n, id in enumerate(heads):
        start = prompt.index(f"{id}「", prompt.index("# 任务：写"))
        stop = prompt.index(f"{heads[n + 1]}「", start) if n + 1 < len(heads) else len(prompt)
        texts.append((id, one_part(id, prompt[start:stop], ran)))
    if len(texts) == 1 and not ids:
        return texts[0][1] + "\n%% 没有别的话"
    return "\n\n".join(f"=== {id}\n\n{text}" for id, text in texts)


def one_part(id: str, brief: str, ran: bool) -> str:
    rows = []
    for label, tex in re.findall(r"- `(eq:[^`]+)`：\$(.+?)\$。", brief):
        rows.append(
            f"由定义逐项相加，得到\n\n\\begin{{equation}}\n{tex}\n\\label{{{label}}}\n\\end{{equation}}\n\n式$\\eqref{{{label}}}$对任意实数成立。"
        )
    own = f"eq:{id.replace('.', '-')}-own"
    rows.append(
        f"再看{id}自己的一步：两边同减一项，\n\n\\begin{{equation}}\n"
        f"{len(id)}x - x = {len(id) - 1}x\n\\label{{{own}}}\n\\end{{equation}}\n\n它说明{filler(id)}。"
    )
    note = re.search(rf"# 编者退回 {re.escape(id)} 的意见\n\n(.+)", brief)
    if note:
        rows.append(f"照意见“{note[1]}”补一句：{filler(note[1])}。")
    body = "\n\n".join(rows)
    if "不带标题，整段放进" in brief:
        return f'<div class="derivation-box">\n\n**补一步。** {body}\n\n</div>'
    if ran:
        body += "\n\n程序逐项相加，得到 {{exp1.total}}，与预言 $1.6439$ 相符。"
    elif id.startswith("experiments"):
        body += "\n\n程序逐项相加，预言是 $1.6439$，差超过 $0.01$ 即被否定。"
    return body


def filler(seed: str) -> str:
    words = (
        "这个数",
        "不依赖",
        "起点",
        "而只",
        "依赖",
        "步长",
        "所以",
        "可以",
        "先算",
        "再比较",
        "两种",
        "写法",
    )
    digest = hashlib.sha256(seed.encode()).digest()
    return "".join(words[b % len(words)] for b in digest[:14])


def referee(prompt: str) -> str:
    return dumps({"rederived": [{"line": 1, "how": "代入 x=1"}], "findings": []})


def nothing(prompt: str) -> str:
    return "@@ 无：没有可加的"


def repair(prompt: str) -> str:
    return "%% 不改 1：检查误报"


def closing(prompt: str) -> str:
    # Of the task, not of the prompt's end: a new try after an empty reply has its reason there.
    task = re.search(r"# 任务：写\S+", prompt)[0]  # type: ignore[index]
    return f"原文的两条路在这里合到一处，依据是式$\\eqref{{eq:double}}${filler(task)}。"


def between(text: str, start: str, stop: str) -> str:
    found = re.search(f"{re.escape(start)}(.*?)(?:{stop})", text, re.S)
    return found[1] if found else ""


def dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


TASKS = (
    ("# 任务：精读原文", reading),
    ("# 任务：定下扩充的主线", outline),
    ("# 任务：把内容分给各章", division),
    ("# 见证没有通过", lambda p: "无见证 " + re.findall(r"^(eq:\S+)$", p, re.M)[0] + "：写不出来"),
    ("# 任务：为下列公式写见证", witness),
    ("# 改实验程序", program),
    ("# 怎样写实验程序", program),
    ("# 怎样审稿", referee),
    ("# 怎样修改", repair),
    ("# 怎样挖深", nothing),
    ("# 任务：写导读", closing),
    ("# 任务：写全文小结", closing),
    ("# 任务：看两个相邻部分的接缝", lambda p: "@@ 无"),
    ("# 任务：写", prose),
)


if __name__ == "__main__":
    # For `command:` models: the prompt on stdin, the answer on stdout.
    import sys

    print(answer(sys.stdin.read()))
