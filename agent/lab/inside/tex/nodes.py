"""What the reader of formulas knows, and what it makes of them."""

from __future__ import annotations

from dataclasses import dataclass

from ..words import words


class Unreadable(Exception):
    """The formula uses something this reader does not know, or that can be read in two ways."""


@dataclass(frozen=True, slots=True)
class Node:
    op: str
    """num sym bound neg add mul dot had div pow T call apply abs norm inner floor ceil fact binom sqrt sum prod
    int matrix cases compare list."""
    args: tuple[Node, ...] = ()
    name: str = ""
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Conventions that authors differ in; a link tries each."""

    slash_wide: bool = False
    """``a/bc`` is a/(bc)."""
    sum_wide: bool = False
    """A sum's body runs over + and −, to the end of the expression."""


FUNCTIONS = words(
    "exp ln log lg sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arsinh arcosh artanh arcsinh "
    "arccosh arctanh max min det tr Tr trace diag sign sgn sigmoid relu ReLU softplus erf erfc softmax"
)
GREEK = words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho varrho "
    "sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell"
)
ACCENTS = frozenset(
    (r"\boldsymbol", r"\tilde", r"\hat", r"\bar", r"\mathcal", r"\dot", r"\ddot", r"\vec", r"\mathbb")
)
COMPARE = {"<": "<", ">": ">", r"\leq": "<=", r"\geq": ">=", "=": "==", r"\neq": "!="}
CLOSERS = frozenset((")", "]", "}", r"\}", r"\rangle", r"\rfloor", r"\rceil", ",", ";", r"\\")) | frozenset(
    COMPARE
)
PAIRS = {"(": ")", "[": "]", r"\{": r"\}"}
TRANSPOSE = frozenset((r"\top", "T", r"\mathsf", r"\op:T"))
