"""How long `expand status` takes on 400 articles (12 MB): first without its index, then with it.

Prints seconds of whole processes and the ratio between the two. Times of one run belong together: machines and
moments differ by a factor of two. Run as ``python benchmarks/status.py``; 0 as the exit code means both bars
(1.5 s cold, 0.5 s warm) held.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARS = {"cold": 1.5, "warm": 0.5}
ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import sys
from pathlib import Path
from agent.workspace import find
from agent.books.status import status
whole = status(find(Path(sys.argv[1])))
print(whole.counts.total, whole.lines, whole.formulas)
"""


def make(root: Path, articles: int, size: int) -> int:
    """A workspace of its own with ``articles`` files of about ``size`` bytes; returns the bytes written."""
    (root / "config.toml").write_text("", encoding="utf-8")
    folder = root / "blogs_raw"
    folder.mkdir()
    items = []
    written = 0
    for number in range(articles):
        paragraph = (
            f"考虑第 {number} 个问题的梯度流，其中 $x_t$ 是参数，$\\\\eta$ 是步长。我们先写出它的离散形式：\n"
            f"\\begin{{equation}}x_{{t+1}} = x_t - \\eta \\nabla f(x_t) + {number}\\end{{equation}}\n"
            "右端第一项来自惯性，第二项来自梯度。\n\n```python\nx = x - eta * g  # $不是公式$\n```\n\n"
            "$$\n\\begin{aligned}a &= b \\\\ c &= d\\end{aligned}\n$$\n\n"
        )
        head = f"---\ntitle: 文章 {number}\nstatus: pending\n---\n\n# 文章 {number}\n\n"
        text = head + paragraph * (size // len(paragraph.encode())) + "## 公式推导与注释\n\nTODO: 推导\n"
        written += (folder / f"article-{number:03d}.md").write_bytes(text.encode())
        items.append(f'[[batch.sub.item]]\nfile = "article-{number:03d}.md"\n')
    plan = '[[batch]]\nid = "1"\n\n[[batch.sub]]\nid = "1A"\n\n' + "\n".join(items[: articles // 2])
    (root / "plan.toml").write_text(plan, encoding="utf-8")
    return written


def run(root: Path) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=400)
    parser.add_argument("--bytes", type=int, default=30_000, help="of one article")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        written = make(root, options.articles, options.bytes)
        index = root / "outputs" / "index.json"
        cold, warm = [], []
        for _ in range(options.repeat):
            index.unlink(missing_ok=True)
            cold.append(run(root))
            warm.append(run(root))
    best = {"cold": min(cold), "warm": min(warm)}
    print(f"{options.articles} articles, {written / 1e6:.1f} MB, best of {options.repeat}")
    print("| index | seconds | bar |\n|---|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {seconds:.2f} | {BARS[name]} |")
    print(f"\ncold ÷ warm: {best['cold'] / best['warm']:.1f}")
    return 0 if all(best[n] < BARS[n] for n in BARS) else 1


if __name__ == "__main__":
    raise SystemExit(main())
