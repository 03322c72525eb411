"""What a run will take, learnt from what runs took."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from math import exp, isclose, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Config
from agent.pipeline.estimate import QUANTITIES, factors, shape_of
from agent.pipeline.experience import ENOUGH, RECORDED, SHARE, Experience, Quantity, Run, expected, student
from tests.batch.test_batch import FAKE, SHORT, batch, filled
from tests.pipeline.desk import Site

CONFIG = Config()
ratios = st.lists(st.floats(0.05, 20.0), min_size=2, max_size=30)


@given(ratios, st.floats(0.1, 10.0))
def test_a_range_holds_its_middle_and_goes_with_the_scale(found: list[float], scale: float) -> None:
    one, other = expected(found), expected([r * scale for r in found])
    assert 0 < one.low < one.middle < one.high
    assert min(found) * 0.999 <= one.middle <= max(found) * 1.001
    for name in ("low", "middle", "high"):
        assert isclose(getattr(other, name), getattr(one, name) * scale, rel_tol=1e-9)


@given(ratios)
def test_more_of_the_same_narrows_a_range(found: list[float]) -> None:
    few, many = expected(found), expected(found * 3)
    assert isclose(few.middle, many.middle, rel_tol=1e-9)
    assert many.high / many.low < few.high / few.low


def test_articles_alike_still_leave_a_range() -> None:
    assert expected([2.0] * 30).low < 1.8
    assert expected([2.0] * 30).high > 2.2


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
    [(0.9, 1, 3.078), (0.9, 2, 1.886), (0.9, 3, 1.638), (0.9, 5, 1.476), (0.9, 10, 1.372), (0.9, 30, 1.310)],
)
def test_quantiles_of_students_t(probability: float, freedom: int, quantile: float) -> None:
    assert student(probability, freedom) == pytest.approx(quantile, rel=0.01)


@pytest.mark.parametrize("count", [2, 3, 8, 30])
def test_a_range_holds_the_next_article_as_often_as_is_promised(count: int) -> None:
    """Spread so widely that the least spread, which makes ranges wider, plays no part."""
    rng, draws = random.Random(count), 4000

    def held() -> bool:
        *before, following = (exp(rng.gauss(0.3, 3.0)) for _ in range(count + 1))
        said = expected(before)
        return said.low <= following <= said.high

    assert sum(held() for _ in range(draws)) / draws == pytest.approx(SHARE, abs=0.03)


def ratio(run: Run, what: Quantity) -> float:
    return float(run.took(what) / getattr(shape_of(run.lines, run.characters, CONFIG), what))


def test_a_workspace_speaks_for_itself_once_it_has_enough() -> None:
    tenfold = tuple(
        replace(run, calls=run.calls * 10, prompt=run.prompt * 10, completion=run.completion * 10)
        for run in RECORDED
    )
    for what in QUANTITIES:
        before = factors(what, Experience(), CONFIG)
        middles = [factors(what, Experience(tenfold[:n]), CONFIG).middle for n in range(ENOUGH + 1)]
        assert middles[0] == before.middle
        assert middles[1] > before.middle
        assert isclose(middles[ENOUGH], before.middle * 10, rel_tol=1e-9)
        joined = fmean_log([*(before.middle,) * 3, ratio(tenfold[0], what)])
        assert isclose(middles[1], joined, rel_tol=1e-9)
    assert Experience().source == "from 3 recorded articles"
    assert Experience(tenfold[:1]).source == "from 3 recorded articles and 1 article of this workspace"
    assert Experience(tenfold).source == "from 3 articles of this workspace"


def fmean_log(values: list[float]) -> float:
    return exp(sum(log(v) for v in values) / len(values))


LONGER = "\n\n".join(f"另一段讲第 {n} 件事，它与前面的事没有关系，但也要推导一遍。" for n in range(8))


def test_the_range_holds_what_a_run_takes(site: Site) -> None:
    """Three articles are written and one more, longer than they, is estimated and then written."""
    filled(site, "a", "b", "c")
    first = json.loads(site.expand("run", "a", "--model", FAKE, "--dry-run", "--json").out)[0]["estimate"]
    assert first["from"] == {"recorded": 3, "workspace": 0, "text": "from 3 recorded articles"}
    batch(site, "-j", "3")
    site.article("d.md", SHORT.replace("引言一段", f"引言d段\n\n{LONGER}"))
    guess = site.expand("run", "d", "--model", FAKE, "--dry-run", "--json").json[0]["estimate"]
    assert guess["from"] == {"recorded": 0, "workspace": 3, "text": "from 3 articles of this workspace"}
    screen = site.expand("run", "d", "--model", FAKE, "--dry-run").out
    assert "four of five articles take" in screen
    assert "from 3 articles of this workspace" in " ".join(screen.split())
    report = site.expand("run", "d", "--model", FAKE, "--json").json[0]
    took = {
        "calls": report["calls"],
        "prompt_tokens": report["tokens"]["prompt"],
        "completion_tokens": report["tokens"]["completion"],
    }
    for name, real in took.items():
        low, high = guess["range"][name]
        assert low <= guess[name] <= high
        assert low <= real <= high, (name, real, guess)
    # The recorded articles, written by another writer, would have been far off.
    assert not all(first["range"][name][0] <= took[name] <= first["range"][name][1] for name in took)


def test_what_was_replayed_or_is_another_article_by_now_teaches_nothing(
    site: Site, new_site: Callable[[str], Site]
) -> None:
    def taught(place: Site) -> int:
        return int(
            place.expand("run", "b", "--model", FAKE, "--dry-run", "--json").json[0]["estimate"]["from"][
                "workspace"
            ]
        )

    filled(site, "a", "b").expand("run", "a", "--model", FAKE)
    assert taught(site) == 1
    site.expand("ledger", "export", "a.jsonl")
    replayed = filled(new_site("replayed"), "a", "b")
    assert replayed.expand("run", "a", "--model", f"replay:{site.root / 'a.jsonl'}").code in (0, 1)
    assert taught(replayed) == 0
    site.article("a.md", SHORT.replace("引言一段", "引言另一段"))
    assert taught(site) == 0
