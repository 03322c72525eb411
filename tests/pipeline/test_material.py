"""What the prompts and the checks of a part are given of its article."""

from __future__ import annotations

import pytest

from agent.article import read
from agent.checks import mathjax
from agent.pipeline.material import Material


@pytest.mark.parametrize(
    "defines",
    [
        r"\newcommand{\msign}{\text{msign}}",
        r"\def\msign{\text{msign}}",
        r"\let\msign\sin",
        r"\DeclareMathOperator{\msign}{msign}",
    ],
)
def test_a_part_may_use_what_the_author_defined(defines: str) -> None:
    material = Material("a", read(f"记号 ${defines}$ 如下。\n".encode(), "a.md"))
    assert mathjax.read([(r"\msign(x)", True)], material.prelude) == ("",)


def test_a_part_may_use_an_environment_of_the_author() -> None:
    source = r"$$\newenvironment{mine}{\left(}{\right)}$$"
    material = Material("a", read(source.encode(), "a.md"))
    assert mathjax.read([(r"\begin{mine}x\end{mine}", True)], material.prelude) == ("",)


def test_a_part_may_not_take_a_label_of_the_author() -> None:
    source = "$$x \\label {eq:far}$$\n"
    material = Material("a", read(source.encode(), "a.md"))
    (said,) = mathjax.read([(r"1\label{eq:far}", True)], material.prelude)
    assert "eq:far" in said
