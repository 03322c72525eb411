"""A display cut into rows, and rows into what stands between relation signs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .lexer import LABEL, TOKEN, tokens

LAYOUT = re.compile(
    r"(?:equation|align|alignat|gather|multline|eqnarray|flalign|split|aligned|alignedat|gathered)\*?"
)
ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([A-Za-z]+\*?)\}")
LABELLED = re.compile(r"\\label\s*\{([^{}]*)\}")
RELATIONS = {
    "=": "=",
    r"\equiv": "≡",
    r"\triangleq": ":=",
    r"\coloneqq": ":=",
    r"\stackrel": ":=",
    r"\doteq": ":=",
    r"\approx": "≈",
    r"\simeq": "≈",
    r"\cong": "≈",
    r"\sim": "~",
    r"\propto": "∝",
    r"\asymp": "≍",
    "<": "<",
    ">": ">",
    r"\leq": "≤",
    r"\geq": "≥",
    r"\ll": "≪",
    r"\gg": "≫",
    r"\lesssim": "≲",
    r"\gtrsim": "≳",
    r"\preceq": "⪯",
    r"\succeq": "⪰",
    r"\prec": "≺",
    r"\succ": "≻",
    r"\neq": "≠",
    r"\to": "→",
    r"\rightarrow": "→",
    r"\longrightarrow": "→",
    r"\mapsto": "→",
    r"\Rightarrow": "⇒",
    r"\Longrightarrow": "⇒",
    r"\implies": "⇒",
    r"\Leftrightarrow": "⇔",
    r"\iff": "⇔",
    r"\leftarrow": "←",
    r"\gets": "←",
    r"\in": "∈",
    r"\subset": "⊂",
    r"\subseteq": "⊂",
    r"\perp": "⊥",
}
OPEN = frozenset(("(", "[", "{", r"\{", r"\langle", r"\lfloor", r"\lceil"))
CLOSE = frozenset((")", "]", "}", r"\}", r"\rangle", r"\rfloor", r"\rceil"))


@dataclass(frozen=True, slots=True)
class Row:
    tex: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    relation: str
    """The sign before it; "" for what stands first."""
    stream: tuple[str, ...]


def rows(tex: str) -> list[Row]:
    """Rows of a display, the environments that only arrange them taken away."""
    parts = [""]
    depth = inner = 0
    for match in TOKEN.finditer(tex):
        token = match.group(0)
        mark = ENVIRONMENT.fullmatch(token)
        if mark and LAYOUT.fullmatch(mark.group(2)):
            continue
        if mark:
            inner += 1 if mark.group(1) == "begin" else -1
        depth += (token == "{") - (token == "}")
        if token == r"\\" and depth == 0 and inner == 0:
            parts.append("")
        else:
            parts[-1] += token
    found = [Row(part.strip(), tuple(LABELLED.findall(part))) for part in parts]
    return [row for row in found if LABEL.sub("", row.tex).strip()]


def segments(tex: str) -> list[Segment]:
    """What stands between the relation signs of a row's first statement; the rest are often its conditions."""
    return next(iter(statements(tex)), [Segment("", ())])


def statements(tex: str) -> list[list[Segment]]:
    """The statements of a row, parted by wide spaces and by commas, each cut at its relation signs.

    A comma parts statements only where what follows it has a sign of its own: ``i = 1, 2`` is one.
    """
    found: list[list[Segment]] = []
    for piece in re.split(r"\\q?quad(?![A-Za-z])", tex.strip()):
        parts = _at_commas(tokens(piece))
        found += [_cut(part) for part in parts if any(token not in (",", ".", ";") for token in part)]
    return found


def _at_commas(stream: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    depth = 0
    for token in stream:
        depth += (token in OPEN or token.startswith(r"\begin:")) - (
            token in CLOSE or token.startswith(r"\end:")
        )
        if depth == 0 and token in (",", ";", "，", "；"):
            parts.append([])
        else:
            parts[-1].append(token)
    joined = [parts[0]]
    for part in parts[1:]:
        if len(_cut(part)) > 1 and len(_cut(joined[-1])) > 1:
            joined.append(part)
        else:
            joined[-1] = [*joined[-1], ",", *part]
    return joined


def _cut(stream: list[str]) -> list[Segment]:
    found: list[Segment] = []
    relation, current, depth = "", list[str](), 0
    index = 0
    while index < len(stream):
        token = stream[index]
        depth += (token in OPEN or token.startswith(r"\begin:")) - (
            token in CLOSE or token.startswith(r"\end:")
        )
        sign = RELATIONS.get(token, "") if depth == 0 else ""
        if token == ":" and depth == 0 and index + 1 < len(stream) and stream[index + 1] == "=":
            sign, index = ":=", index + 1
        if sign:
            if current or not found:
                found.append(Segment(relation, tuple(current)))
            relation, current = sign, []
            if token == r"\stackrel":
                index = _after_group(stream, index + 1)
        elif token != "&" or depth:
            current.append(token)
        index += 1
    found.append(Segment(relation, tuple(current)))
    return [segment for segment in found if segment.stream or not segment.relation]


def _after_group(stream: list[str], index: int) -> int:
    """``\\stackrel{\\text{def}}{=}`` is one sign: the index of its last token."""
    for _ in range(2):
        if index < len(stream) and stream[index] == "{":
            depth = 0
            while index < len(stream):
                depth += (stream[index] == "{") - (stream[index] == "}")
                index += 1
                if depth == 0:
                    break
        else:
            index += 1
    return index - 1


def without_remainder(stream: tuple[str, ...]) -> tuple[str, ...]:
    r"""Without a closing ``+ \mathcal{O}(h^3)``, full stop or comma: a claim holds neither."""
    out = list(stream)
    while out and out[-1] in (".", ",", ";", "。", "，"):
        out.pop()
    depth = 0
    for index in range(len(out) - 1, -1, -1):
        token = out[index]
        depth += (token in CLOSE) - (token in OPEN)
        if depth == 0 and token in ("+", "-", r"\pm"):
            rest = out[index + 1 :]
            if rest[:2] == [r"\mathcal", "O"]:
                rest = rest[1:]
            if len(rest) > 1 and rest[0] in ("O", "o", r"\op:O", r"\op:o") and rest[1] in ("(", "["):
                return tuple(out[:index])
            break
    return tuple(out)


def labelled(tex: str, label: str) -> str:
    """The rows of a display that ``label`` names: its own row, or all where it names the whole."""
    every = rows(tex)
    own = [index for index, row in enumerate(every) if label in row.labels]
    if len(every) < 2 or not own or _whole(tex):
        return " ".join(row.tex for row in every)
    first = own[0]
    # rows above without a label that end in no sign of their own belong to the same chain
    start = first
    while start > 0 and re.match(r"\s*&?\s*(?:=|\\leq?|\\approx|\\geq?|\+|-)", every[start].tex.lstrip("& ")):
        if every[start - 1].labels:
            break
        start -= 1
    return " ".join(row.tex for row in every[start : first + 1])


def _whole(tex: str) -> bool:
    return bool(re.match(r"\s*\\begin\s*\{(?:equation|multline)\*?\}", tex))


def sides(tex: str) -> list[tuple[str, ...]]:
    """Right sides that a claim can stand for, the last first; the whole where there is no relation."""
    parts = segments(tex)
    right = [without_remainder(part.stream) for part in (parts[1:] or parts)]
    return [side for side in reversed(right) if side]
