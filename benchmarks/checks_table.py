"""What the checks find on articles of known quality, as the tables of docs/checks.md.

    python benchmarks/checks_table.py FOLDER [--write]   tables; with --write into docs/checks.md
    python benchmarks/checks_table.py --rules [--write]  the list of rules only
    python benchmarks/checks_table.py FOLDER --speed     seconds and formulas a second

FOLDER holds ``blogs_raw/`` (originals of a careful author: nearly every error-level finding there is a false
alarm) and ``expanded/`` (some of them expanded by hand, under the same names: what the checks are to catch).
Nothing of the articles goes into the tables but line numbers.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from agent.article import read  # noqa: E402
from agent.checks import RULES, Page, Standard, mathjax, run  # noqa: E402
from agent.config import StandardConfig  # noqa: E402
from agent.records import Finding  # noqa: E402

DOC = ROOT / "docs" / "checks.md"


def rules_table() -> str:
    rows = ["| check | rule | what it asks |", "|---|---|---|"]
    for group, name, rule in RULES:
        first = (rule.__doc__ or "").strip().split("\n\n")[0]
        rows.append(
            f"| {group} | `{name}` | {' '.join(first.split()).replace('``', '`').replace('|', '∣')} |"
        )
    return "\n".join(rows)


def findings(path: Path, source: Path | None = None, standard: Standard | None = None) -> list[Finding]:
    article = read(path.read_bytes(), path.name)
    original = read(source.read_bytes(), source.name) if source else None
    page = Page(article=article, file=path.name, source=original, standard=standard or Standard())
    return [finding for verdict in run(page) for finding in verdict.findings]


def measured_tables(folder: Path) -> str:
    originals = sorted((folder / "blogs_raw").glob("*.md"))
    expanded = sorted((folder / "expanded").glob("*.md"))
    alone = _counted(f for path in originals for f in findings(path))
    with_source = _counted(f for path in originals for f in findings(path, path))
    standard = Standard.of(StandardConfig())
    caught = {path: findings(path, folder / "blogs_raw" / path.name, standard) for path in expanded}
    total = _counted(f for found in caught.values() for f in found)
    rows = [
        f"{len(originals)} originals, {len(expanded)} articles expanded by hand (held against their originals and the",
        "default standard). Findings as error · warning · info.",
        "",
        "| check | rule | originals alone | originals with themselves as source | expanded |",
        "|---|---|---|---|---|",
    ]
    for group, name, _ in RULES:
        cells = " | ".join(_cell(count[group, name]) for count in (alone, with_source, total))
        rows.append(f"| {group} | `{name}` | {cells} |")
    sums = " | ".join(_cell(sum(count.values(), Counter())) for count in (alone, with_source, total))
    rows += [f"| all | | {sums} |", "", *_lines_of_errors(caught)]
    return "\n".join(rows)


def _counted(found: object) -> dict[tuple[str, str], Counter[str]]:
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for finding in found:  # type: ignore[attr-defined]
        counts[finding.check, finding.rule][finding.severity] += 1
    return counts


def _cell(count: Counter[str]) -> str:
    return " · ".join(str(count[severity]) for severity in ("error", "warning", "info"))


def _lines_of_errors(caught: dict[Path, list[Finding]]) -> list[str]:
    rows = [
        "Lines of the error-level findings in the expanded articles, in the order of their names; 0 is the whole",
        "article.",
        "",
        "| article | rule | lines |",
        "|---|---|---|",
    ]
    for number, found in enumerate(caught.values(), start=1):
        lines: dict[str, list[int]] = defaultdict(list)
        for finding in found:
            if finding.severity == "error":
                lines[finding.rule].append(finding.line)
        for _, name, _ in RULES:
            if name in lines:
                rows.append(f"| {number} | `{name}` | {', '.join(map(str, sorted(lines[name])))} |")
    return rows


def speed(folder: Path) -> str:
    rows = []
    for path in sorted((folder / "expanded").glob("*.md")):
        source = folder / "blogs_raw" / path.name
        start = time.perf_counter()
        findings(path, source if source.is_file() else None)
        seconds = time.perf_counter() - start
        article = read(path.read_bytes(), path.name)
        rows.append(f"{seconds:5.2f} s  {len(article.lines)} lines, {len(article.formulas)} formulas")
    article = read(max((folder / "expanded").glob("*.md"), key=lambda p: p.stat().st_size).read_bytes(), "")
    formulas = [(f.tex, f.kind == "display") for f in article.formulas]
    engine = mathjax.Engine()
    engine.read(formulas[:1])
    start = time.perf_counter()
    engine.read(formulas)
    rows.append(f"{len(formulas) / (time.perf_counter() - start):.0f} formulas a second")
    engine.close()
    return "\n".join(rows)


def put(text: str, name: str, table: str) -> str:
    """``text`` with ``table`` between its markers ``<!-- name:begin -->`` and ``<!-- name:end -->``."""
    return re.sub(
        rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)",
        lambda match: f"{match.group(1)}\n{table}\n\n{match.group(2)}",
        text,
        flags=re.DOTALL,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rules", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if not (arguments.folder or arguments.rules):
        parser.error("a FOLDER, or --rules")
    if arguments.speed:
        print(speed(arguments.folder))
        return
    tables = {"rules": rules_table()}
    if arguments.folder:
        tables["measured"] = measured_tables(arguments.folder)
    if arguments.write:
        text = DOC.read_text(encoding="utf-8")
        for name, table in tables.items():
            text = put(text, name, table)
        DOC.write_text(text, encoding="utf-8")
    else:
        print("\n\n".join(tables.values()))


if __name__ == "__main__":
    main()
