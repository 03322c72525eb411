r"""TeX as it stands in such articles, and as MathJax wants it.

Two dialects occur, at times in one file: plain TeX, and what an HTML-to-Markdown converter made of it.
The converter doubles a backslash that stands before Markdown punctuation or another backslash (``\{`` →
``\\{``, ``\\`` at a line's end → ``\\\``, ``\\[8pt]`` → ``\\\\[8pt]``) and puts one before a list sign at
the start of a line or of a piece of text (``\-``, ``\+``, ``\#``, ``1\.``).
"""

from __future__ import annotations

import re

NUMBERED = frozenset({"equation", "align", "gather", "multline", "eqnarray", "alignat", "flalign"})
"""Environments that MathJax numbers under ``tags: 'ams'``; the starred forms are not."""
ONE_NUMBER = frozenset({"equation", "multline"})

_PUNCTUATION = frozenset("`*_{}[]()#+-.!")
"""What the converter doubles a backslash before."""
_NEEDS_WORK = re.compile(r"\\[\\+#.-]|\\(?:re)?newcommand")
_CONVERTED = re.compile(r"(?<!\\)\\\\\\(?:\s|\Z)|(?<!\\)\\\\\\\\\[\s*-?[\d.]| {2}\r?\n")
"""What only the converter writes: a tripled row break, a quadrupled one with spacing, its own line breaks."""
_BREAKABLE = re.compile(
    r"\\begin\{(?!(?:equation|multline)\*?\})|\\(?:substack|cases|p?matrix|displaylines|eqalign)\b"
)
"""Something that has rows, so that ``\\`` can be a row break."""
_RUN = re.compile(r"\\++")
_BRACED = re.compile(r"\\++|[{}]")
_SPACING = re.compile(r"\[\s*-?[\d.]++\s*(?:pt|em|ex|mu|cm|mm|in|px|bp|pc)\s*\]")
"""What follows a row break in plain TeX; ``\\[`` never stands inside mathematics, so it is no converted one."""
_LONE = re.compile(r"(?<!\\)\\(?=[+-])")
_COMMAND_NAME = re.compile(r"(\\(?:re)?newcommand\s*+\{)(?=[A-Za-z]++\})")

_COMMENT = re.compile(r"(?<!\\)((?>(?:\\\\)*))%[^\n]*+")
LABEL = re.compile(r"\\label\s*+\{([^{}]*+)\}")
TAG = re.compile(r"\\tag\*?\s*+\{((?>(?:[^{}]|\{[^{}]*+\})*))\}")
REFERENCE = re.compile(r"\\(eqref|ref)\s*+\{([^{}]*+)\}")
DEFINES = re.compile(
    r"\\(?:re)?newcommand|\\(?:[gex]?def|let)(?![A-Za-z])|\\DeclareMathOperator|\\(?:re)?newenvironment"
)
"""What later formulas of a page rely on: macros and environments."""
_ENVIRONMENT = re.compile(r"(?<!\\)(?>(?:\\\\)*)\\(?P<which>begin|end)\s*+\{(?P<name>[^{}\n]*+)\}")
_ROW_STEP = re.compile(r"\\\\|\\cr(?![A-Za-z])|\\[^\n]?|[{}]")
_UNNUMBERED = re.compile(r"\\(?:tag\*?\s*+\{|notag\b|nonumber\b)")


def normalise(tex: str) -> str:
    r"""Converter dialect -> plain TeX; plain TeX comes back unchanged. Only ever applied to a copy.

    A formula that bears marks of the converter (``\\\`` before white space, ``\\\\[8pt]``, two spaces at
    a line's end) is converted back throughout. In one that bears none, only what plain TeX cannot have
    meant is undone: ``\\{`` where the groups balance without it, ``\-`` and ``\+``, and doubled
    backslashes where nothing has rows."""
    if not _NEEDS_WORK.search(tex):
        return tex
    if _CONVERTED.search(tex):
        tex = _RUN.sub(_undoubled, tex)
    else:
        braces = _balances_without_escaped(tex)
        punctuation = "" if _BREAKABLE.search(tex) else "_!#."
        undo = frozenset(("{}" if braces else "") + punctuation)
        tex = _RUN.sub(lambda run: _single(run, undo), tex)
    tex = _LONE.sub("", tex)
    return _COMMAND_NAME.sub(r"\1\\", tex)


def _undoubled(run: re.Match[str]) -> str:
    r"""Backslashes as they were before the converter: 2k stand for k before punctuation, 2k - 1 before
    the rest.

    A lone one before punctuation was not there at all, except where it cannot be told from plain TeX
    (``\{``)."""
    length = len(run[0])
    after = run.string[run.end() : run.end() + 1]
    if after in _PUNCTUATION:
        if length == 1:
            line = run.string[run.string.rfind("\n", max(0, run.start() - 40), run.start()) + 1 : run.start()]
            is_sign = after == "#" and not line.strip()
            is_list_number = after == "." and line.strip().isdigit()
            return "" if is_sign or is_list_number else run[0]
        is_spacing = length == 2 and _SPACING.match(run.string, run.end()) is not None
        return "\\" * (length // 2) if length % 2 == 0 and not is_spacing else run[0]
    return "\\" * ((length + 1) // 2) if length % 2 else run[0]


def _single(run: re.Match[str], undo: frozenset[str]) -> str:
    after = run.string[run.end() : run.end() + 1]
    return "\\" if len(run[0]) == 2 and after in undo else run[0]


def _balances_without_escaped(tex: str) -> bool:
    r"""Whether the groups balance when ``\\{`` and ``\\}`` are read as escaped braces, not as groups."""
    depth = 0
    run_end, run_length = -1, 0
    for found in _BRACED.finditer(tex):
        if found[0][0] == "\\":
            run_end, run_length = found.end(), len(found[0])
            continue
        backslashes = run_length if found.start() == run_end else 0
        if backslashes == 2 or backslashes % 2:
            continue
        depth += 1 if found[0] == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def labels(tex: str) -> tuple[str, ...]:
    r"""Arguments of ``\label``, TeX comments left out."""
    return tuple(LABEL.findall(_uncommented(tex)))


def tags(tex: str) -> tuple[str, ...]:
    r"""Arguments of ``\tag`` and ``\tag*``, TeX comments left out."""
    return tuple(TAG.findall(_uncommented(tex)))


def numbered(tex: str) -> int:
    r"""Rows of a display that get an automatic number under MathJax ``tags: 'ams'``.

    Follows MathJax 3.2 (``input/tex/ams``): ``equation`` and ``multline`` have one, the others one a row;
    a row with ``\tag``, ``\notag`` or ``\nonumber`` has none, nor has an empty last row; what stands
    inside an inner environment such as ``aligned`` says nothing about the row around it."""
    if "\\begin" not in tex:
        return 0
    total = depth = last = 0
    name = ""
    body: list[str] = []
    tex = _uncommented(tex)
    for found in _ENVIRONMENT.finditer(tex):
        if depth == 1:
            body.append(tex[last : found.start("which") - 1])
        if found["which"] == "begin":
            depth += 1
            if depth == 1:
                name, body = found["name"], []
            elif depth == 2:
                body.append("{}")  # an inner environment is something, but its rows are its own
        elif depth:
            depth -= 1
            if depth == 0:
                total += _numbers(name, "".join(body))
        last = found.end()
    return total


def _numbers(name: str, body: str) -> int:
    if name not in NUMBERED:
        return 0
    if name in ONE_NUMBER:
        return int(not _UNNUMBERED.search(body))
    rows = _rows(body)
    if not LABEL.sub("", rows[-1]).strip():
        rows.pop()
    return sum(not _UNNUMBERED.search(row) for row in rows)


def _rows(body: str) -> list[str]:
    rows = []
    depth = start = 0
    for step in _ROW_STEP.finditer(body):
        if step[0] in "{}":
            depth += 1 if step[0] == "{" else -1
        elif step[0] in ("\\\\", "\\cr") and depth <= 0:
            rows.append(body[start : step.start()])
            start = step.end()
    rows.append(body[start:])
    return rows


def _uncommented(tex: str) -> str:
    return _COMMENT.sub(r"\1", tex) if "%" in tex else tex


def comments_blanked(tex: str) -> str:
    """``tex`` with spaces for its comments: what is found in it stands at the same offsets in ``tex``."""
    return _COMMENT.sub(lambda m: m[1].ljust(len(m[0])), tex) if "%" in tex else tex
