"""The review in Debian's chromium: read, decide by keyboard, redo, merge; hostile text; light, dark, narrow."""

from __future__ import annotations

import re
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.article import strip
from agent.review.decide import accept
from agent.review.edit import edit
from agent.web.export import export
from tests.pipeline.desk import QUICK, Service
from tests.review.desk import ARTICLE, Desk, asking, make
from tests.web.conftest import Open, Served, Watched, serving

SET = "#view-page .math.set"
READY = f"body:has(#progress:not(:empty)) {SET}"
"""A formula is typeset, and the script that answers keys has run: a key that is pressed before it is lost."""
LEFT_WHEN_READY = f"""
new MutationObserver((_, observer) => {{
    if (document.querySelector("{SET}")) {{
        window.leftWhenReady = document.querySelectorAll(".math:not([data-set])").length;
        observer.disconnect();
    }}
}}).observe(document, {{subtree: true, childList: true, attributes: true}});
"""
DONE = "html[data-math=done]"


@pytest.fixture
def opened(served: Served, browse: Open) -> Watched:
    seen = browse(served.origin, served.review.secrets.address)
    seen.page.wait_for_selector(READY)
    return seen


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_clean_draft_is_merged_and_committed_in_under_ten_keys(served: Served, opened: Watched) -> None:
    page, desk = opened.page, served.desk
    keys = ["Shift+A", "m", "Enter"]
    press(page, keys[0])
    page.wait_for_selector("#merge-button.ready")
    press(page, keys[1])
    page.wait_for_selector("#merge[open]")
    press(page, keys[2])
    page.wait_for_selector('#toast:has-text("提交")')
    assert len(keys) < 10
    assert desk.state.status == "merged"
    assert strip(desk.path.read_bytes()).decode() == ARTICLE
    assert desk.git("log", "--format=%s").count("Expand 两数之和") == 1
    assert desk.git("status", "--porcelain", "--", "blogs_raw", "outputs", "PROGRESS_REPORT.md") == ""
    opened.quiet()


def test_deciding_by_keyboard(served: Served, opened: Watched) -> None:
    page, desk = opened.page, served.desk
    order = page.eval_on_selector_all("section.added", "all => all.map(e => e.dataset.section)")
    press(page, "j", "j")
    assert page.evaluate("() => document.activeElement.dataset.section") == order[1]
    press(page, "k")
    assert page.evaluate("() => document.activeElement.dataset.section") == order[0]
    press(page, "a")
    page.wait_for_selector(f'section[data-section="{order[0]}"][data-decision=accepted]')
    page.wait_for_selector(f'section.current[data-section="{order[1]}"]')
    assert desk.state.sections == {order[0]: "accepted"}, "on disk before the page shows it"
    press(page, "r")
    page.wait_for_selector("#note[open]")
    page.keyboard.type("条件写错了")
    press(page, "Control+Enter")
    page.wait_for_selector(f'section[data-section="{order[1]}"][data-decision=rejected]')
    assert desk.state.notes == ((order[1], "条件写错了"),)
    press(page, "u")
    page.wait_for_selector(f'section[data-section="{order[1]}"][data-decision=""]')
    press(page, "u")
    page.wait_for_selector(f'section[data-section="{order[0]}"][data-decision=""]')
    assert desk.state.sections == {}
    page.reload()
    page.wait_for_selector(READY)
    assert page.eval_on_selector_all("section[data-decision=accepted]", "all => all.length") == 0
    opened.quiet()


def test_caps_lock_accepts_one_section(served: Served, opened: Watched) -> None:
    """With Caps Lock the key is "A" and Shift is not down."""
    page = opened.page
    press(page, "j", "A")
    page.wait_for_selector("section[data-decision=accepted]")
    assert len(served.desk.state.sections) == 1


def test_a_redo_through_the_loopback_model(served: Served, opened: Watched) -> None:
    page, desk = opened.page, served.desk
    old = desk.text("theory.2")
    page.click('section[data-section="theory.2"] [data-do=redo]')
    page.keyboard.type("把条件写在前面")
    press(page, "Control+Enter")
    page.wait_for_selector('section.current[data-section="theory.2"] [data-do=versions]')
    assert "把条件写在前面" in page.inner_text('section[data-section="theory.2"]')
    press(page, "v")
    page.wait_for_selector("#versions[open] .d-added")
    assert "把条件写在前面" in page.inner_text("#versions table")
    page.click("[data-restore]")
    page.wait_for_selector('section[data-section="theory.2"]:not(:has-text("把条件写在前面"))')
    assert desk.text("theory.2") == old
    opened.quiet()


def test_a_redo_that_fails_says_so(served: Served, opened: Watched) -> None:
    page, desk = opened.page, served.desk
    before = desk.draft
    (desk.root / "prompts").mkdir()
    (desk.root / "prompts" / "system.md").write_text("unreadable", encoding="utf-8")
    page.click('section[data-section="theory.2"] [data-do=redo]')
    page.keyboard.type("换一种写法")
    press(page, "Control+Enter")
    page.wait_for_selector('#toast.bad:has-text("system.md")')
    assert desk.draft == before
    assert page.get_attribute('section[data-section="theory.2"]', "data-decision") == "waiting"


def test_editing_by_hand(served: Served, opened: Watched) -> None:
    page, desk = opened.page, served.desk
    page.click('section[data-section="theory.2"] [data-do=edit]')
    page.wait_for_selector("#editor[open]")
    text = page.input_value("#editor-text")
    assert text == desk.text("theory.2")
    page.fill("#editor-text", "### 太高的标题")
    press(page, "Control+Enter")
    page.wait_for_selector('#editor-error:has-text("####")')
    page.fill("#editor-text", f"{text}\n\n人写的一句，带 $x^2$。")
    press(page, "Control+Enter")
    page.wait_for_selector('section[data-section="theory.2"]:has-text("人写的一句")')
    assert "人写的一句" in desk.draft.decode()
    assert opened.bad
    assert all(row.startswith("422") for row in opened.bad), "the refused text, nothing else"
    assert opened.outside == []


def test_evidence_opens_from_its_badge(opened: Watched) -> None:
    page = opened.page
    page.click('a.badge:has-text("已核验") >> nth=0')
    page.wait_for_selector("#evidence-dialog[open]")
    text = page.inner_text("#evidence-dialog")
    assert "def check" in text
    assert "变异体" in text
    assert "独立路线" in text
    press(page, "Escape")
    page.eval_on_selector("#x-exp1", "e => e.open = true")
    assert "total = sum" in page.inner_text("#x-exp1")
    assert "terms 1000" in page.inner_text("#x-exp1"), "what the experiment printed"
    opened.quiet()


def test_findings_stand_beside_their_lines(served: Served, browse: Open) -> None:
    desk = served.desk
    edit(desk.ws, desk.slug, "theory.2", desk.text("theory.2") + "\n\n等一下，这里写错了。")
    seen = browse(served.origin, served.review.secrets.address)
    seen.page.wait_for_selector(READY)
    row = seen.page.locator(".row:has-text('等一下')")
    assert "第" in row.locator(".margin .finding.error").inner_text()
    press(seen.page, "Shift+J")
    assert seen.page.locator(".finding.here").count() == 1
    seen.quiet()


def test_source_views(opened: Watched) -> None:
    page = opened.page
    press(page, "s")
    page.wait_for_selector("#view-side .diff tr.d-added")
    assert "expand:begin theory.2" in page.inner_text("#view-side")
    press(page, "s")
    page.wait_for_selector("#view-unified .diff tr.d-added")
    press(page, "s")
    assert page.is_visible("#view-page")
    opened.quiet()


def test_another_window_cannot_overwrite_a_decision(served: Served, opened: Watched) -> None:
    page, desk = opened.page, served.desk
    accept(desk.ws, desk.slug, ["theory.1"])
    press(page, "j", "a")
    page.wait_for_selector("#toast.bad")
    page.wait_for_selector('section[data-section="theory.1"][data-decision=accepted]')
    assert desk.state.sections == {"theory.1": "accepted"}
    assert opened.bad == [row for row in opened.bad if row.startswith("409")]


def test_help_and_outline_are_reachable_without_a_mouse(opened: Watched) -> None:
    page = opened.page
    press(page, "?")
    assert page.is_visible("#help")
    press(page, "Escape")
    assert not page.is_visible("#help")
    press(page, "Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    press(page, "o")
    assert not page.is_visible("#outline")
    press(page, "o")
    for landmark in ("header.bar", "nav[aria-label]", "main", "[role=status][aria-live]"):
        assert page.locator(landmark).count() >= 1, landmark
    unnamed = page.eval_on_selector_all(
        "button", "all => all.filter(b => !(b.textContent.trim() || b.getAttribute('aria-label'))).length"
    )
    assert unnamed == 0
    opened.quiet()


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("look", LOOKS)
def test_looks(served: Served, browse: Open, look: str) -> None:
    seen = browse(served.origin, served.review.secrets.address, **LOOKS[look])
    page = seen.page
    page.wait_for_selector(DONE)
    wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "nothing sticks out sideways"
    ink, paper = page.evaluate(
        "() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; }"
    )
    assert contrast(ink, paper) > 7
    ours = page.evaluate(
        "() => getComputedStyle(document.querySelector('section.added'), '::before').backgroundColor"
    )
    assert ours != paper, "what was added stands out from the author's text"
    assert page.locator("mjx-container").count() > 5
    assert page.locator("mjx-merror, .math.failed").count() == 0
    seen.quiet()


def contrast(one: str, two: str) -> float:
    """WCAG 2.1 contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(n) / 255 for n in re.findall(r"\d+", colour)[:3]]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_paper(opened: Watched) -> None:
    page = opened.page
    page.emulate_media(media="print")
    assert not page.is_visible(".bar")
    assert not page.is_visible("#outline")
    assert page.pdf()[:5] == b"%PDF-"


HOSTILE = """
<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2"><svg onload="window.hacked = 3"></svg>

[链接](javascript:window.hacked=4) <a href="javascript:window.hacked=5">再一个</a> <a href="https://evil.example/">外面</a>

<div class="toast shown" id="merge-button" onclick="window.hacked = 6" style="position:fixed;inset:0;z-index:99;background:red">盖住</div>

<iframe src="https://evil.example/"></iframe><form action="https://evil.example/"><input autofocus onfocus="window.hacked = 7"></form>

$\\href{javascript:window.hacked=8}{x}$ $\\style{position:fixed;inset:0;background:red}{y}$ $\\class{toast shown}{z}$
$\\cssId{merge-button}{w}$ $\\mmlToken{mi}[href="javascript:window.hacked=9" style="position:fixed"]{q}$ $\\require{html}\\href{javascript:1}{a}$
$\\bbox[position:fixed;inset:0;background:red]{b}$ $\\unicode[serif;position:fixed]{x3c}$ $\\data{onclick=window.hacked=10}{c}$

$$\\def\\x{\\x\\x}\\x$$

$$\\text{<img src=x onerror="window.hacked = 11">}$$

$</span><script>window.hacked = 12</script>$ ![远](https://evil.example/x.png) ![" onerror="window.hacked=13](https://evil.example/y.png)

<style>main { display: none }</style><link rel="stylesheet" href="https://evil.example/s.css"><base href="https://evil.example/">
"""


def hostile(root: Path, service: Service) -> Desk:
    title = 'title: "<script>window.hacked = 0</script>"'
    article = ARTICLE.replace("title: 两数之和", title).replace("## 第二节\n", f"## 第二节\n{HOSTILE}\n")
    desk = make(root, service, article=article, config=QUICK)
    # Straight into the draft: what writes it would stop at such a line, what shows it must not.
    line = "长" * 1_700_000 + "$x$<b>"
    end = b"\n<!-- expand:end theory.2 -->"
    assert len(line.encode()) > 5_000_000
    (desk.folder / "draft.md").write_bytes(desk.draft.replace(end, f"\n{HOSTILE}\n{line}\n".encode() + end))
    return desk


def test_hostile_text_does_nothing(tmp_path: Path, browse: Open) -> None:
    with Service() as service:
        desk = hostile(tmp_path / "ws", service)
        with asking(service), serving(desk) as site:
            seen = browse(site.origin, site.review.secrets.address)
            page = seen.page
            page.wait_for_selector(DONE)
            page.locator("a:has-text('再一个')").first.dispatch_event("click")
            page.locator("mjx-container").first.dispatch_event("click")
            assert page.evaluate("() => window.hacked") is None
            assert page.url.startswith(site.origin)
            assert page.is_visible("main")
            assert (
                page.locator(
                    "main a[href^='javascript'], main [onclick], main iframe, main form:not(dialog form)"
                ).count()
                == 0
            )
            assert page.locator("#merge-button").count() == 1
            fixed = (
                "all => all.filter(e => ['fixed', 'sticky'].includes(getComputedStyle(e).position)).length"
            )
            assert page.eval_on_selector_all("#view-page *", fixed) == 0
            assert page.eval_on_selector_all("#view-page mjx-container [href]", "all => all.length") == 0
            press(page, "Shift+A")
            page.wait_for_selector("section[data-decision=accepted]")
            assert seen.outside == [], "nothing was asked for elsewhere"
            assert [t for t in seen.console if "Content Security Policy" not in t] == []


def long_article() -> str:
    """2,000 lines with 300 display formulas."""
    rows = ["---", "title: 长文", "status: pending", "---", ""]
    for n in range(300):
        rows += [f"第 {n} 段说明，取 $x_{{{n}}}\\in\\mathbb{{R}}^d$ 与 $\\eta>0$，于是", "\\begin{equation}"]
        rows += [
            f"\\sum_{{i=1}}^{{{n}}} \\frac{{\\partial f}}{{\\partial \\theta_i}}\\left(1-e^{{-\\lambda_i t}}\\right)^2 = {n}"
        ]
        rows += [f"\\label{{eq:n{n}}}", "\\end{equation}", f"由$\\eqref{{eq:n{n}}}$即得。", ""]
    return "\n".join([*rows, "## 公式推导与注释", "", "TODO: 补充", ""])


def test_a_long_article_is_readable_at_once_and_scrolls(
    tmp_path: Path, browse: Open, record_property: Callable[[str, object], None]
) -> None:
    with Service() as service:
        desk = make(tmp_path / "ws", service, article=long_article(), config=QUICK)
        assert desk.draft.count(b"\n") > 2_000
        with serving(desk) as site:
            start = time.perf_counter()
            # The page itself counts, the moment it can be read: when this process is told of that, more is done.
            seen = browse(site.origin, site.review.secrets.address, LEFT_WHEN_READY)
            page = seen.page
            page.wait_for_selector(READY)
            record_property("readable_seconds", round(time.perf_counter() - start, 2))
            left = page.evaluate("window.leftWhenReady")
            assert left > 100, "the rest is typeset when it is needed, not before the page can be read"
            page.locator(".row").nth(250).scroll_into_view_if_needed()
            page.locator(".row").nth(250).locator(".math.set").first.wait_for()
            page.wait_for_selector(DONE)
            record_property("all_seconds", round(time.perf_counter() - start, 2))
            assert page.locator("mjx-merror").count() == 0
            seen.quiet()


def one_pixel() -> bytes:
    """A PNG of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\x00\xff\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_one_file_to_send(desk: Desk, tmp_path: Path, browse: Open) -> None:
    folder = desk.folder / "assets" / desk.slug
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "exp1-a.png").write_bytes(one_pixel())
    edit(desk.ws, desk.slug, "theory.2", f"{desk.text('theory.2')}\n\n![图](assets/{desk.slug}/exp1-a.png)")
    file = tmp_path / "review.html"
    done = export(desk.ws, desk.slug, file)
    assert done.bytes == file.stat().st_size < 6_000_000
    seen = browse("file://", file.as_uri())
    page = seen.page
    page.wait_for_selector(DONE)
    assert page.locator("mjx-container[jax=SVG]").count() > 5
    width = page.locator(".cell img").first.evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width == 1
    press(page, "j", "j")
    assert page.locator("section.current").count() == 1
    press(page, "s")
    assert page.is_visible("#view-side .diff")
    press(page, "s", "s")
    page.click("a.badge >> nth=0")
    assert page.is_visible("#evidence-dialog")
    assert page.locator("[data-do], #merge-button").count() == 0, "nothing to decide on a page to send"
    seen.quiet()


def test_the_list_of_drafts(desk: Desk, browse: Open) -> None:
    with serving(desk, only=False) as site:
        seen = browse(site.origin, site.review.secrets.address)
        seen.page.click("a:has-text('两数之和')")
        seen.page.wait_for_selector(READY)
        seen.quiet()
