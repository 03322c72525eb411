"""LaTeX to a normal list of tokens: spacing, sizes and labels dropped, synonyms made one."""

from __future__ import annotations

import re

from ..words import words

TOKEN = re.compile(
    r"\\(?:operatorname|mathrm|text|textrm|textbf|textit|mbox|mathop)\*?\s*\{[^{}]*\}"
    r"|\\(?:begin|end)\s*\{[A-Za-z]+\*?\}"
    r"|\\[A-Za-z]+\*?"
    r"|\\."
    r"|\s+|.",
    re.S,
)
COMMENT = re.compile(r"(?<!\\)%.*")
LABEL = re.compile(r"\\(?:label|tag\*?|eqref|ref|vspace|hspace|color)\s*\{[^{}]*\}|\\textcolor\s*\{[^{}]*\}")
DROPPED = words(
    r"""\left \right \middle \big \Big \bigg \Bigg \bigl \bigr \Bigl \Bigr \biggl \biggr \Biggl \Biggr \bigm \Bigm
    \displaystyle \textstyle \scriptstyle \limits \nolimits \nonumber \notag \strut \mathstrut \relax \allowbreak
    \quad \qquad \enspace \thinspace \medspace \thickspace \hfill \, \; \: \! \> \  ~ \/ \hline"""
) | {"\\ "}
SAME = {
    r"\Vert": r"\|",
    r"\lVert": r"\|",
    r"\rVert": r"\|",
    r"\vert": "|",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\mid": "|",
    r"\lbrace": r"\{",
    r"\rbrace": r"\}",
    r"\lbrack": "[",
    r"\rbrack": "]",
    r"\dfrac": r"\frac",
    r"\tfrac": r"\frac",
    r"\cfrac": r"\frac",
    r"\dbinom": r"\binom",
    r"\tbinom": r"\binom",
    r"\bm": r"\boldsymbol",
    r"\mathbf": r"\boldsymbol",
    r"\pmb": r"\boldsymbol",
    r"\le": r"\leq",
    r"\leqslant": r"\leq",
    r"\lt": "<",
    r"\ge": r"\geq",
    r"\geqslant": r"\geq",
    r"\gt": ">",
    r"\ne": r"\neq",
    r"\intercal": r"\top",
    r"\prime": "'",
    r"\widetilde": r"\tilde",
    r"\widehat": r"\hat",
    r"\overline": r"\bar",
    "−": "-",
    "（": "(",
    "）": ")",
    "，": ",",
}
BARS = frozenset(("|", r"\|"))
SIDES = {
    r"\left": "<",
    r"\bigl": "<",
    r"\Bigl": "<",
    r"\biggl": "<",
    r"\Biggl": "<",
    r"\lvert": "<",
    r"\lVert": "<",
}
SIDES |= {
    r"\right": ">",
    r"\bigr": ">",
    r"\Bigr": ">",
    r"\biggr": ">",
    r"\Biggr": ">",
    r"\rvert": ">",
    r"\rVert": ">",
}
NAMED = re.compile(r"\\(?:operatorname|mathrm|text|textrm|textbf|textit|mbox|mathop)\*?\s*\{([^{}]*)\}")


def tokens(tex: str) -> list[str]:
    r"""The tokens of ``tex``. Digits come one by one, because ``x^12`` and ``\frac12`` take one each.

    Named operators become ``\op:name``, environments ``\begin:name`` and ``\end:name``. A bar that says on which
    side it stands, as in ``\left|`` or ``\rVert``, becomes ``|<`` or ``\|>``.
    """
    text = LABEL.sub(" ", COMMENT.sub("", tex))
    found: list[str] = []
    side = ""
    for match in TOKEN.finditer(text):
        token = match.group(0)
        if token.isspace():
            continue
        if token in DROPPED:
            side = SIDES.get(token, "")
            continue
        normal = _normal(token)
        if normal in BARS:
            normal += side or SIDES.get(token, "")
        side = ""
        found.append(normal)
    return _unwrap(found)


def plain(found: list[str]) -> list[str]:
    """The tokens without the sides of bars, for comparing two spellings."""
    return [token.rstrip("<>") if token[:-1] in BARS else token for token in found]


def _normal(token: str) -> str:
    named = NAMED.fullmatch(token)
    if named:
        return r"\op:" + named.group(1).strip()
    if token.startswith((r"\begin", r"\end")) and token.endswith("}"):
        kind, _, name = token.partition("{")
        return kind.strip() + ":" + name[:-1]
    return SAME.get(token, token)


def _unwrap(found: list[str]) -> list[str]:
    """Without the braces around single tokens: ``x_{i}`` and ``x_i`` are the same thing."""
    out: list[str] = []
    index = 0
    while index < len(found):
        single = index + 2 < len(found) and found[index] == "{" and found[index + 2] == "}"
        if single and found[index + 1] not in ("{", "}"):
            out.append(found[index + 1])
            index += 3
        else:
            out.append(found[index])
            index += 1
    return out


def contains(outer: str, inner: str) -> bool:
    """Whether ``inner`` stands in ``outer``, token for token."""
    a, b = plain(tokens(outer)), plain(tokens(inner))
    return bool(b) and any(a[i : i + len(b)] == b for i in range(len(a) - len(b) + 1))


def bind(found: list[str], fragments: dict[str, str]) -> list[str]:
    r"""``found`` with each fragment's tokens replaced by ``\bound:key``, longest fragments first."""
    pairs = sorted(
        ((plain(tokens(tex)), key) for tex, key in fragments.items()), key=lambda pair: -len(pair[0])
    )
    out = list(found)
    for pattern, key in pairs:
        if not pattern:
            continue
        index, replaced = 0, []
        while index < len(out):
            if plain(out[index : index + len(pattern)]) == pattern and not _cuts(out, index, len(pattern)):
                replaced.append(r"\bound:" + key)
                index += len(pattern)
            else:
                replaced.append(out[index])
                index += 1
        out = _unwrap(replaced)
    return out


def _cuts(out: list[str], index: int, length: int) -> bool:
    """A match that would cut a longer symbol: ``\\theta`` is not in ``\\theta'``, nor ``L`` in ``L_0``."""
    follows = out[index + length] if index + length < len(out) else ""
    before = out[index - 1] if index else ""
    if before in (r"\boldsymbol", r"\tilde", r"\hat", r"\bar", r"\mathcal", r"\dot", r"\ddot"):
        return out[index] not in (r"\boldsymbol", r"\tilde", r"\hat", r"\bar", r"\mathcal")
    return follows == "'" or (follows == "_" and length == 1)
