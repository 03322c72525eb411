"""Workspaces for the benchmarks: articles of one shape, 24 calls each with the benchmark's service."""

from __future__ import annotations

from pathlib import Path

ARTICLE = """\
---
title: 第 {number} 篇
status: pending
---

引言第 {number} 段，说明问题从哪里来，{filler}

## 第一节

由定义显然有

$$
x+x=2x
$$

于是得到结论，它不依赖于起点。

## 公式推导与注释

TODO: 补充
"""
CONFIG = """\
[targets]
lines = 60
formulas = 2

[loop]
concurrency = {slots}
repairs = 0  # what the checks find must not change the number of calls
rounds = 0

[model]
timeout = {timeout}

[lab]
enabled = false

[retry]
attempts = 8
wait_cap = {wait_cap}

[limits]
warm = {warm}
"""
CALLS = 24
"""Reading, outline, division; nine packs, each written and refereed; a seam; opening map and summary."""
CHAIN = 6
"""Of them, those that wait for each other: reading, outline, division, write, referee, seam."""


def make(
    root: Path,
    articles: int,
    *,
    slots: int,
    warm: float = 5.0,
    wait_cap: float = 1.0,
    timeout: float = 60.0,
    filler: int = 1,
) -> list[Path]:
    """A workspace with articles of their own; ``filler`` lengthens them, in sentences."""
    (root / "blogs_raw").mkdir(parents=True)
    (root / "config.toml").write_text(
        CONFIG.format(slots=slots, warm=warm, wait_cap=wait_cap, timeout=timeout), encoding="utf-8"
    )
    paths, items = [], []
    for number in range(articles):
        name = f"article-{number:03d}.md"
        paths.append(root / "blogs_raw" / name)
        sentences = "".join(f"其中第 {n} 句说的是同一件事的另一面。" for n in range(filler))
        paths[-1].write_text(ARTICLE.format(number=number, filler=sentences), encoding="utf-8")
        items.append(f'[[batch.sub.item]]\nfile = "{name}"\n')
    plan = '[[batch]]\nid = "1"\n\n[[batch.sub]]\nid = "1A"\n\n' + "\n".join(items)
    (root / "plan.toml").write_text(plan, encoding="utf-8")
    return paths
