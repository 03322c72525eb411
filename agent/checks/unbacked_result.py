"""Results nobody produced."""

from __future__ import annotations

import re

from agent.checks import tables
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.checks.text import said
from agent.records import Finding, Severity

_MEASURED = re.compile(
    r"^[*_~\s✅❌≈<>≤≥±]*\d+(?:\.\d+)?(?:e[-+]?\d+)?\s*(?:%|％|ms|s|x|×|倍|秒|GB|MB|dB)?(?:\s*±\s*[\d.]+)?[*_\s✅❌]*$"
)
_METRIC = re.compile(
    r"准确率|精度|精确率|召回|损失|[Ll]oss|\b[Aa]cc|误差|[Ee]rror|FID|PPL|困惑度|[Pp]erplexity|BLEU|\bF1\b|耗时|用时|速度|加速|得分"
    r"|方差|标准差|终点|实测|测得|数值解|MSE|RMSE|显存|吞吐|夹角|[Ss]core|[Ss]peed"
)
_EXPERIMENT = re.compile(
    r"实验|实测|结果(?:对比)?表|训练(?:结果|曲线|了)|测试集|验证集|运行结果|跑(?:了|出)|MNIST|CIFAR|ImageNet|GPT-?\d|BERT|WikiText|Epoch|epoch|基准|消融"
)
_CLAIM = re.compile(
    r"^\s*+(?:#++\s*+|\*\*|\d++\.\s*+\*\*)?(?:[\d.]++\s*+)?((?:实验|运行|数值|测试|训练|消融)结果(?:分析|对比|汇总|与讨论)?|实验(?:观察|对比|发现|结论)"
    r"|观察(?:结论|结果|发现)|关键发现|输出解释|运行输出|输出结果|结果分析|理论与实验对比)"
)
_FIGURE = re.compile(r"\d+\.\d+|\d+(?:\.\d+)?\s*(?:%|％)|10\^\{?-?\d+|\d+\s*(?:步|倍|个数量级|轮)")

TELLING = 3
"""A bound value shorter than this (0, 38) stands in any text by chance."""


def check(page: Page) -> list[Finding]:
    """A table of measured numbers, or a paragraph of 实验结果, stands on an experiment that ran.

    Backed is what a binding puts there, or a placeholder that will be bound. Error for a table that was added
    and stands among words like 实验, 训练, MNIST; a warning for other tables of measured numbers (they may be
    computed by hand), for paragraphs, where it is not known what was added, and where no bindings are known
    but the text shows a figure of its own or an experiment's program: then something did run.
    """
    added = ours(page)
    lines = said(page.article)
    backed = _backed_lines(page, lines)
    found = []
    for table in tables.of(page.article):
        if table.line not in added or backed & set(range(table.line, table.last_line + 1)):
            continue
        if _is_result(table):
            severity = _severity(page, lines, table)
            message = "a table of results without an executed experiment behind it"
            found.append(Finding("results", "unbacked_result", severity, message, table.line))
    for number, line in enumerate(lines, start=1):
        claim = _CLAIM.match(line)
        if claim and number in added and not _near(backed, number) and _has_figures(lines, number):
            message = f"{claim.group(1)}: numbers without an executed experiment behind them"
            found.append(Finding("results", "unbacked_result", "warning", message, number))
    return found


def _severity(page: Page, lines: list[str], table: tables.Table) -> Severity:
    around = " ".join([*_context(page, lines, table.line), *table.header])
    if not page.provenance_known or not _EXPERIMENT.search(around):
        return "warning"
    books_known = page.is_part or bool(page.bindings)
    return "error" if books_known or not _something_ran(page) else "warning"


def _something_ran(page: Page) -> bool:
    """The text shows a figure of its own, or an experiment's program."""
    if any(ran.ok for ran in page.experiments.values()) or any(
        "experiment" in code.info.split() for code in page.article.codes
    ):
        return True
    added = ours(page)
    return any(image.line in added and "://" not in image.url for image in page.article.images)


def _is_result(table: tables.Table) -> bool:
    """Two measured numbers at least in a column that is named as a quantity, or in many columns."""
    width = len(table.header)
    columns = [
        [row[i] for row in table.rows if i < len(row) and row[i].strip("-—– ")] for i in range(1, width)
    ]
    numeric = [
        i
        for i, cells in enumerate(columns, start=1)
        if cells and sum(map(_is_measured, cells)) >= max(1, len(cells) / 2)
    ]
    if not numeric or sum(_is_measured(c) for cells in columns for c in cells) < 2:
        return False
    names = " ".join([*table.header, *(row[0] for row in table.rows if row)])
    fractional = any("." in cell or "%" in cell for cells in columns for cell in cells if _is_measured(cell))
    return fractional and (bool(_METRIC.search(names)) or len(numeric) >= 2)


def _is_measured(cell: str) -> bool:
    return bool(_MEASURED.match(cell))


def _context(page: Page, lines: list[str], number: int) -> list[str]:
    """The headings a table stands under, and the few lines before it."""
    chain: list[str] = []
    level, first = 7, 1
    for heading in reversed(page.article.headings):
        if heading.line <= number and heading.level < level:
            first = heading.line if level == 7 else first
            chain.append(heading.text)
            level = heading.level
    return [*chain, *lines[max(first, number - 6) - 1 : number - 1]]


def _backed_lines(page: Page, lines: list[str]) -> set[int]:
    """Lines that hold a bound output, or a placeholder that will be bound."""
    backed = {number for number, line in enumerate(lines, start=1) if "{{" in line}
    shown = [line.strip() for line in lines]
    for bound in page.bindings:
        ran = page.experiments.get(bound.experiment)
        if ran is not None and not ran.ok:
            continue
        text = bound.text.strip()
        if text.startswith("|"):
            backed |= _block(shown, [line.strip() for line in text.split("\n")])
        elif len(text) >= TELLING:
            backed |= {number for number, line in enumerate(shown, start=1) if _holds(line, text)}
    return backed


def _block(shown: list[str], block: list[str]) -> set[int]:
    """Where a bound table stands whole: one changed cell, and it is no longer the run's."""
    size = len(block)
    starts = (i for i, line in enumerate(shown) if line == block[0] and shown[i : i + size] == block)
    return {number for start in starts for number in range(start + 1, start + size + 1)}


def _holds(line: str, text: str) -> bool:
    """A table's line holds a value as a whole cell, prose as a number of its own."""
    if line.startswith("|"):
        return text in (cell.strip() for cell in line.split("|"))
    at = line.find(text)
    while at >= 0:
        before, after = line[at - 1 : at], line[at + len(text) : at + len(text) + 1]
        if not (before.isdigit() or before == "." or after.isdigit()):
            return True
        at = line.find(text, at + 1)
    return False


def _near(backed: set[int], number: int, reach: int = 14) -> bool:
    return any(n in backed for n in range(number, number + reach))


def _has_figures(lines: list[str], number: int, reach: int = 14) -> bool:
    return any(_FIGURE.search(line) for line in lines[number - 1 : number - 1 + reach])
