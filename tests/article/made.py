"""Hypothesis strategies for articles as nobody would write them, and as some converter did."""

from __future__ import annotations

from hypothesis import strategies as st

PROSE = [
    "一段文字",
    "设$x=1$，则",
    "行内 `$a$` 代码",
    "半个 ` 反引号",
    "价格$5，另一个$6",
    "转义 \\$ 与 \\\\",
    "孤立的 $",
    "[链接](https://example.org/a_(b))",
    "[^1]: 脚注",
    "[ref]: https://example.org",
    "TODO: 添加",
    "行末两空格  ",
    "\u3000全角缩进",
    "\x0b",
    "a\rb",
]
MATHS = [
    "$$",
    "$$ a=b $$",
    "文字 $$x$$ 文字",
    "\\begin{equation}",
    "\\end{equation}",
    "\\begin{equation}a\\label{eq:a}\\end{equation}  ",
    "\\begin{align*}a&=b\\\\\\  ",
    "\\\\[8pt] c",
    "\\\\\\\\[8pt]",
    "\\end{align*}",
    "\\[",
    "\\]",
    "\\[ x \\]",
    "\\[1\\]",
    "\\(y\\)",
    "- \\gamma",
    "= 1",
]
STRUCTURE = [
    "# 标题 #",
    "## 公式推导与注释",
    "####### 不是标题",
    "===",
    "---",
    "***",
    "- 一",
    "* 二",
    "1. 三",
    "2) 四",
    "  续行",
    "   - 深",
    "    四格",
    "\t制表",
    "        八格",
    "> 引用",
    ">",
    "> - 引用里的列表",
    "> ```",
    "```",
    "```python experiment id=e1",
    "````",
    "~~~",
    "- ```",
    "  ```",
    "| a | b |",
    "|---|:-:|",
    "| `x|y` | 2 |",
    "",
    "",
    "",
    "   ",
]
HTML = [
    '<div class="note-box">',
    '<div class="theorem-box wide"><b>x</b></div>',
    "</div>",
    "<details>",
    "<summary>展开</summary>",
    "</details>",
    "<!-- 注释 -->",
    "<!-- 开",
    "关 -->",
    "<script>",
    "</script>",
    "<pre>",
    "</pre>",
    "<https://example.org>",
    '<span id="a">',
    "文字 <!-- $c$ --> 文字",
    "文字 <code>$d$</code>",
]
KEYS = [
    "title: 题目",
    "status: pending",
    "status:",
    "status:\tx\r",
    "tags: a, b",
    "",
    "# 注",
    "  - 项",
    "slug: s",
]
ENDINGS = ["\n", "\r\n"]

line = st.one_of(st.sampled_from(PROSE + MATHS + STRUCTURE + HTML), st.text(max_size=12))


@st.composite
def bodies(draw: st.DrawFn, *, pieces: st.SearchStrategy[str] = line) -> str:
    """Lines with mixed endings, with or without a final one."""
    parts = draw(st.lists(st.tuples(pieces, st.sampled_from(ENDINGS)), max_size=25))
    text = "".join(row + ending for row, ending in parts)
    return text if draw(st.booleans()) else text.removesuffix("\n").removesuffix("\r")


@st.composite
def heads(draw: st.DrawFn) -> str:
    """Front matter, whole, unclosed or absent."""
    rows = draw(st.lists(st.sampled_from(KEYS), max_size=5))
    ending = draw(st.sampled_from(ENDINGS))
    shape = draw(st.sampled_from(["none", "closed", "closed", "open"]))
    if shape == "none":
        return draw(st.sampled_from(["", "", "\ufeff"]))
    closing = ["---"] if shape == "closed" else []
    return "".join(row + ending for row in ["---", *rows, *closing])


articles = st.builds(lambda head, body: (head + body).encode("utf-8", "ignore"), heads(), bodies())
"""Source files in bytes; none holds marker text."""

texts = st.one_of(bodies(), st.text(max_size=30))
"""What a model may write."""

FORGED = [
    "<!-- expand:begin theory.1 glue=0 -->",
    "<!-- expand:begin theory.1 -->",
    "<!-- expand:end theory.1 -->",
    "<!--expand:begin x-->",
    "    <!-- expand:end x -->",
    "<!--\texpand:anything",
]
