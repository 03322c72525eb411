"""Writes docs/config.md and docs/commands.md from the code; `tests/test_docs.py` fails when they drift.

python tools/generate_docs.py          write them
python tools/generate_docs.py --check  exit 1 when a page is not what the code says
"""

from __future__ import annotations

import ast
import dataclasses
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent


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


PAGES = {"docs/config.md": config_page, "docs/commands.md": commands_page}


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
