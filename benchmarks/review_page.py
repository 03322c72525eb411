"""How soon a long article can be read in the review, and how smoothly it scrolls.

    python benchmarks/review_page.py [--shots DIR]

Makes a draft of 2,000 lines with 300 displayed formulas, serves it, opens it in chromium and prints the times. With
`--shots`, writes pictures of it in light, dark and narrow.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from agent.article import read
from agent.pipeline.assemble import Section, assemble
from agent.pipeline.outputs import section_rows, write_sections
from agent.review.edit import rewrite
from agent.web.app import Review
from agent.web.guard import Secrets
from agent.web.server import listening, server
from agent.workspace import Workspace, find, write_bytes, write_json

SLUG = "长文"
READY, DONE = "#view-page .math.set", "html[data-math=done]"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1500, "height": 940}},
    "dark": {"viewport": {"width": 1500, "height": 940}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 414, "height": 896}},
}
FRAMES = """() => new Promise(done => {
  const gaps = []; let last = performance.now(); let y = 0;
  const step = now => {
    gaps.push(now - last); last = now; y += 60; scrollTo(0, y);
    if (gaps.length < 240) requestAnimationFrame(step); else done(gaps.slice(2));
  };
  requestAnimationFrame(step);
})"""


def paragraph(n: int) -> list[str]:
    return [
        f"第 {n} 步，取 $x_{{{n}}}\\in\\mathbb{{R}}^d$ 与步长 $\\eta>0$，由上式即得", "", "\\begin{equation}",
        f"\\sum_{{i=1}}^{{{n + 1}}}\\frac{{\\partial f}}{{\\partial\\theta_i}}\\left(1-e^{{-\\lambda_i t}}\\right)^2\\leq\\frac{{{n}}}{{1+x}}",
        f"\\label{{eq:n{n}}}", "\\end{equation}", "", f"式$\\eqref{{eq:n{n}}}$只用到 $\\lambda_i\\geq 0$。", "",
    ]  # fmt: skip


def workspace(root: Path) -> Workspace:
    """A workspace with a long draft: the author's part, and 14 sections of 20 formulas."""
    (root / "blogs_raw").mkdir(parents=True)
    (root / "config.toml").write_text("", encoding="utf-8")
    own = ["---", f"title: {SLUG}", "status: pending", "---", "", "## 第一节", ""]
    source = "\n".join([*own, *(row for n in range(20) for row in paragraph(n)), ""]).encode()
    write_bytes(root / "blogs_raw" / f"{SLUG}.md", source)
    sections = [
        Section(f"theory.{k}", f"第 {k} 部分", "\n".join(r for n in range(20) for r in paragraph(100 * k + n)), "end", "推导")
        for k in range(1, 15)
    ]  # fmt: skip
    whole = assemble(source, f"{SLUG}.md", sections, status="draft")
    folder = root / "outputs" / SLUG
    write_sections(folder, sections)
    write_bytes(folder / "draft.md", whole.data)
    report = {
        "slug": SLUG, "title": SLUG, "source": {"path": f"blogs_raw/{SLUG}.md", "sha256": hashlib.sha256(source).hexdigest()},
        "models": {}, "witnesses": [], "experiments": [], "sections": section_rows(whole.data, sections, [], {}), "core": [],
        "rounds": 0, "calls": 0, "changed_prompts": [], "tokens": {"prompt": 0, "cached": 0, "completion": 0}, "cost": None,
        "seconds": 0,
    }  # fmt: skip
    write_json(folder / "report.json", report)
    ws = find(root)
    ws.events.append("drafted", SLUG, sha256=report["source"]["sha256"], sections=[s.id for s in sections])  # type: ignore[index]
    rewrite(ws, SLUG, sections)
    return ws


def measured(page: Page, address: str) -> dict[str, float]:
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(READY)
    readable = time.perf_counter() - start
    gaps = sorted(page.evaluate(FRAMES))
    page.wait_for_selector(DONE, timeout=120_000)
    return {
        "readable_s": round(readable, 2),
        "scroll_median_ms": round(gaps[len(gaps) // 2], 1),
        "scroll_95_ms": round(gaps[int(len(gaps) * 0.95)], 1),
        "all_typeset_s": round(time.perf_counter() - start, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shots", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ws = workspace(Path(folder) / "ws")
        draft = read((ws.output(SLUG) / "draft.md").read_bytes(), SLUG)
        print(
            json.dumps(
                {"lines": len(draft.lines), "displays": len(draft.displays), "formulas": len(draft.formulas)}
            )
        )
        listener = listening()
        review = Review(ws, Secrets(listener.getsockname()[1]), SLUG)
        running = server(review)
        thread = threading.Thread(target=lambda: running.run(sockets=[listener]), daemon=True)
        thread.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            for look, settings in LOOKS.items():
                page = browser.new_context(**settings).new_page()
                print(look, json.dumps(measured(page, review.secrets.address)))
                if options.shots:
                    options.shots.mkdir(parents=True, exist_ok=True)
                    page.keyboard.press("j")
                    page.screenshot(path=options.shots / f"{look}.png")
            browser.close()
        running.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
