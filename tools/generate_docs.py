"""Writes docs/config.md, docs/commands.md and the table of costs in both READMEs; `tests/test_docs.py` fails when they drift.

python tools/generate_docs.py          write them
python tools/generate_docs.py --check  exit 1 when a page is not what the code says
"""

from __future__ import annotations

import ast
import dataclasses
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "recordings" / "早停与岭回归差多少.jsonl"
PRICED = (
    "openai:gpt-5-mini",
    "openai:gpt-5.2",
    "openai:deepseek-chat@api.deepseek.com",
    "anthropic:claude-haiku-4-5",
    "anthropic:claude-sonnet-4-5",
    "google_genai:gemini-2.5-flash",
)
"""What the table of costs compares; `local:`, `mailbox:` and a server of one's own send no bill."""
CACHED = 0.8
"""Share of prompt tokens that the second column takes for cached: all prompts of an article start alike."""


def config_page() -> str:
    """Every key of config.toml with its default and the docstring beneath its field."""
    from agent import config

    texts = field_texts(ROOT / "agent" / "config.py")
    rows = [
        "# Settings: `config.toml`",
        "",
        "Every key may be left out. An unknown key is an error that names the nearest known one. Generated from "
        "`agent/config.py`.",
    ]
    for part in dataclasses.fields(config.Config):
        kind = type(getattr(config.Config(), part.name))
        rows += ["", f"## `[{part.name}]`", "", "| key | default | meaning |", "|---|---|---|"]
        for field in dataclasses.fields(kind):
            default = getattr(kind(), field.name)
            shown = "unset" if default is None else f"`{toml(default)}`"
            meaning = texts.get((kind.__name__, field.name), "").replace("\n", " ").replace("|", "\\|")
            rows.append(f"| `{field.name}` | {shown} | {meaning} |")
    return "\n".join(rows) + "\n"


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return "{}" if isinstance(value, dict) else str(value)


def field_texts(path: Path) -> dict[tuple[str, str], str]:
    """(class, field) → the string that stands beneath the field."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                found[node.name, ast.unparse(field.target)] = " ".join(str(text.value.value).split())
    return found


def commands_page() -> str:
    """The help of every command."""
    from agent.cli import cli

    rows = [
        "# Commands",
        "",
        "Generated from the command line's own help. `-C DIR` and `--debug` stand before the command.",
    ]
    for name, command in cli.commands.items():
        rows += section(f"expand {name}", command)
        if isinstance(command, click.Group):
            for sub, inner in command.commands.items():
                rows += section(f"expand {name} {sub}", inner)
    return "\n".join(rows) + "\n"


def section(path: str, command: click.Command) -> list[str]:
    context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
    return ["", f"## `{path}`", "", "```text", command.get_help(context), "```"]


def costs(said: str, words: Sequence[str]) -> str:
    """What the tokens of the recorded sample cost at list prices. ``said``: the sentence before the table, with places
    for the numbers; ``words``: heads of the columns."""
    from agent.llm.prices import cost_of
    from agent.llm.recording import read_lines
    from agent.records import Usage

    calls = [line.reply.usage for line in read_lines(SAMPLE)]
    total = sum(calls, Usage())
    counted = said.format(calls=len(calls), prompt=f"{total.prompt:,}", reply=f"{total.completion:,}")
    rows = [counted, "", "| " + " | ".join(words) + " |", "|---|---|---|---|"]
    for model in PRICED:
        # Call by call: some prices depend on how long a single prompt is.
        prices = [
            sum(
                cost_of(model, Usage(u.prompt, round(share * u.prompt), u.completion, batched=way)) or 0.0
                for u in calls
            )
            for share, way in ((0.0, False), (CACHED, False), (0.0, True))
        ]
        batch = f"${prices[2]:.2f}" if model.startswith("openai:") and "@" not in model else "—"
        rows.append(f"| `{model.partition('@')[0]}` | ${prices[0]:.2f} | ${prices[1]:.2f} | {batch} |")
    return "\n".join(rows)


def with_costs(name: str, said: str, words: Sequence[str]) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    block = re.compile(r"(<!-- costs -->\n).*?(<!-- /costs -->)", re.S)
    assert block.search(text), f"{name} lost its <!-- costs --> block"
    return block.sub(lambda m: m[1] + costs(said, words) + "\n" + m[2], text)


def readme() -> str:
    said = (
        "The sample's {calls} calls took {prompt} prompt tokens and {reply} reply tokens. At the list prices of "
        "genai-prices, in US dollars (`expand batch ID --dry-run` estimates yours):"
    )
    return with_costs("README.md", said, ("model", "nothing cached", "80% of prompts cached", "batch API"))


def readme_zh() -> str:
    said = (
        "样例文章的 {calls} 次调用用了 {prompt} 个提示词元、{reply} 个回答词元。按 genai-prices 的标价折成美元"
        "（你自己的文章用 `expand batch ID --dry-run` 估计）："
    )
    return with_costs("README.zh.md", said, ("模型", "没有缓存", "提示的 80% 命中缓存", "批处理接口"))


PAGES = {
    "docs/config.md": config_page,
    "docs/commands.md": commands_page,
    "README.md": readme,
    "README.zh.md": readme_zh,
}


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in PAGES.items():
        path, text = ROOT / name, make()
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            stale.append(name)
        elif not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name} is not what the code says; run: python tools/generate_docs.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
