"""Measuring a reply as it streams."""

from __future__ import annotations

import pytest

from agent.llm.reply_limit import TOLERANCE, Ruler
from agent.tokens import count
from tests.llm.helpers import make_call, run

PROSE = "梯度下降沿负梯度方向走一步，步长由学习率决定。"
TEX = r"\frac{\partial \mathcal{L}}{\partial w_{ij}}=\sum_{k=1}^{n}\left(\hat{y}_k-y_k\right)x_{kj}"


@pytest.mark.parametrize("text", [PROSE, TEX, "plain words, one after another, and a few more of them"])
@pytest.mark.parametrize("chunk", [1, 3, 20, 1000])
def test_what_has_arrived_is_never_taken_for_less(text: str, chunk: int) -> None:
    ruler = Ruler(1e9)
    told = [ruler.take(text[at : at + chunk]) for at in range(0, len(text), chunk)]
    assert told == sorted(told)
    assert count(text) <= told[-1] <= len(text)
    assert ruler.tokens == count(text)


def test_it_is_over_by_the_exact_count() -> None:
    """Split finely it looks like more than it is; that alone breaks nothing off."""
    ruler = Ruler(float(count(PROSE)))
    for character in PROSE:
        ruler.take(character)
        assert not ruler.is_over
    ruler.take(PROSE)
    assert ruler.is_over


def test_a_service_that_was_told_the_limit_is_given_tolerance() -> None:
    call = make_call(params={"max_tokens": 50})
    limits = [run(Ruler.of(call, kept=kept)).limit for kept in (False, True)]
    assert limits == [50, 50 * TOLERANCE]
