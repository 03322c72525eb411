"""``w``: what a witness recomputes a formula with. Seeds, tolerances and trials are the harness's, not its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .raised import Bad, Refuted, Rounding
from .samples import Array, Inputs
from .theorem import Statement, at_point

RTOL = 1e-7
ZERO = 1e-12
SLACK_IN_ORDER = 0.25
"""How far below the claimed exponent a measured slope may lie: finite h has the next term in it."""
ERRORS = 5.0
"""Standard errors that a sample's mean may lie off."""
FLOOR = 1e-13
"""Errors below this are taken for rounding and not measured."""


class W(Inputs):
    """Inputs, independent routes and assertions, for one trial."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._count = 0
        self._kinds: set[str] = set()
        self._zeros = 0
        self._slack = math.inf
        self._room: list[float] = []
        self._statements: list[Statement] = []
        self._slopes: list[float] = []
        self._checked_analytic = 0

    # -- assertions
    def equal(self, got: Any, want: Any) -> None:
        """Both sides agree to seven digits, relative to the largest entry."""
        self._begin("equal")
        a, b = numbers(got), numbers(want)
        if a.shape != b.shape:
            raise Bad(f"shapes differ: {a.shape} and {b.shape}")
        scale = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
        if not math.isfinite(scale):
            raise Bad("a value is not finite")
        if scale < ZERO:
            self._zeros += 1
        if float(np.abs(a - b).max(initial=0)) > RTOL * max(scale, ZERO):
            raise Refuted(f"equal: {brief(a)} ≠ {brief(b)}")

    def order(self, err: Callable[[float], Any], p: float, h0: float = 0.1, n: int = 6) -> None:
        """``err(h)`` shrinks at least like h^p, measured on h0, h0/2, h0/4 …"""
        self._begin("order")
        steps = [h0 / 2**k for k in range(n)]
        errors = [float(np.max(np.abs(numbers(err(h))), initial=0)) for h in steps]
        if not all(map(math.isfinite, errors)):
            raise Bad("an error is not finite")
        large = [(h, e) for h, e in zip(steps, errors, strict=True) if e > FLOOR]
        if len(large) < 3:
            self._zeros += 1
            return
        (h1, e1), (h2, e2) = large[-2:]
        slope = math.log(e1 / e2) / math.log(h1 / h2)
        self._slopes.append(slope)
        if slope >= p - SLACK_IN_ORDER:
            return
        said = (
            f"order: error ~ h^{slope:.2f}, claimed h^{p:g} (errors {', '.join(f'{e:.1e}' for e in errors)})"
        )
        if slope < 0 and (e2 < 1e-6 or e2 < 1e-4 * max(errors)):
            raise Rounding(
                f"probably rounding: the error grows as h shrinks; use inputs of smaller scale. {said}"
            )
        raise Refuted(said)

    def limit(
        self, f: Callable[[int], Any], value: float, ns: Sequence[int] = (64, 128, 256, 512, 1024, 2048, 4096)
    ) -> None:
        """``f(n)`` tends to ``value``: it comes near, comes nearer, and extrapolates to it (Aitken's Δ²)."""
        self._begin("limit")
        terms = np.array([float(f(n)) for n in ns])
        value = float(value)
        if not (np.all(np.isfinite(terms)) and math.isfinite(value)):
            raise Bad("a term is not finite")
        gaps = np.abs(terms - value)
        scale = max(abs(value), float(gaps[0]), ZERO)
        if not (gaps[-1] < 5e-2 * scale and gaps[-1] <= 0.75 * gaps[len(gaps) // 2] + ZERO):
            raise Refuted(f"limit: {terms[-1]:.8g} at n = {ns[-1]}, claimed {value:.8g}")
        bends = terms[2:] - 2 * terms[1:-1] + terms[:-2]
        if np.all(np.abs(bends) > 1e-14):
            ahead = terms[2:] - (terms[2:] - terms[1:-1]) ** 2 / bends
            if abs(ahead[-1] - value) > 5e-3 * scale:
                raise Refuted(f"limit: extrapolates to {ahead[-1]:.8g}, claimed {value:.8g}")

    def holds(self, small: Any, big: Any) -> None:
        """``small`` ≤ ``big`` at this point; how much room is left is recorded."""
        self._begin("holds")
        self._at_most(float(small), float(big), "holds")

    def prove(self, hyps: Callable[..., Any], concl: Callable[..., Any]) -> None:
        """Wherever ``hyps`` hold, ``concl`` holds, for all real arguments: two functions of the same named numbers.

        Both return a comparison or a list of comparisons. Here they are tried on samples, as ``holds`` does;
        the harness then asks Z3.
        """
        self._begin("prove")
        statement = Statement.of(hyps, concl)
        self._statements.append(statement)
        for sample in statement.sampled(self._rng):
            if not sample.concl:
                raise Bad("prove: the conclusion says nothing")
            for op, left, right in sample.concl:
                if op in ("==", "!="):
                    raise Bad("prove is for inequalities: an equation needs equal, and an independent route")
                small, big = (left, right) if op in ("<", "<=") else (right, left)
                self._at_most(small, big, f"prove, at {at_point(statement.names, sample.point)}")

    def _at_most(self, a: float, b: float, what: str) -> None:
        if not (math.isfinite(a) and math.isfinite(b)):
            raise Bad("a value is not finite")
        # the floor lets 5.6e-17 ≤ 0 hold: where both sides vanish, what is left is rounding
        size = max(abs(a), abs(b), 1e-9)
        if a > b + max(1e-9 * size, 1e-12):
            raise Refuted(f"{what}: {a:.8g} > {b:.8g}")
        self._room.append(b - a)
        self._slack = min(self._slack, (b - a) / size)

    def mean(self, sample: Any, value: Any) -> None:
        """The sample's mean is ``value`` within five standard errors; at least 1,000 draws."""
        self._begin("mean")
        draws = numbers(sample)
        if draws.ndim == 0 or len(draws) < 1000:
            raise Bad("fewer than 1,000 draws")
        if not (np.all(np.isfinite(draws)) and np.all(np.isfinite(numbers(value)))):
            raise Bad("a value is not finite")
        center = draws.mean(0)
        error = draws.std(0, ddof=1) / math.sqrt(len(draws))
        spread = float(np.max(error / np.maximum(np.abs(center), ZERO)))
        if spread > 0.02:
            raise Bad(f"too noisy to tell: relative standard error {spread:.3f}")
        if np.any(np.abs(center - value) > ERRORS * error + ZERO):
            raise Refuted(f"mean: {brief(center)} ± {brief(error)}, claimed {brief(numbers(value))}")

    def scales(self, term: Callable[..., Any], weights: Sequence[float], degree: float = 0.0) -> None:
        """Dimensions: ``term(λ^w₁ x₁, λ^w₂ x₂, …) = λ^degree term(x₁, x₂, …)`` for random positive x and λ."""
        self._begin("scales")
        points = [self.pos() for _ in weights]
        factor = self.pos(1.2, 2.5)
        a = numbers(term(*(x * factor**w for x, w in zip(points, weights, strict=True))))
        b = numbers(term(*points)) * factor**degree
        scale = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)), ZERO)
        if not math.isfinite(scale):
            raise Bad("a value is not finite")
        if float(np.abs(a - b).max(initial=0)) > RTOL * scale:
            raise Refuted(f"scales: {brief(a)} ≠ {brief(b)}: the dimensions do not fit")

    def _begin(self, kind: str) -> None:
        self._count += 1
        self._kinds.add(kind)

    # -- independent routes
    def dgrad(self, f: Callable[[Array], Any], x: Any, h: float = 1e-20) -> Array:
        """Gradient of an analytic function by complex step, exact to rounding (Squire & Trapp 1998)."""
        point = np.asarray(x, dtype=float)
        self._seen(point.size)
        slope = np.zeros(point.shape)
        try:
            for i in np.ndindex(*point.shape):
                moved = point.astype(complex)
                moved[i] += 1j * h
                slope[i] = np.imag(f(moved)) / h
        except TypeError as error:
            raise Bad(f"dgrad needs a function of complex numbers (np., not math.): {error}") from error
        if self._checked_analytic < 2:
            self._checked_analytic += 1
            self._analytic(f, point, slope)
        return slope

    def _analytic(self, f: Callable[[Array], Any], point: Array, slope: Array) -> None:
        # abs(), norm() and float() drop the imaginary part without a word: compare one direction with differences
        way = np.cos(1.0 + np.arange(point.size)).reshape(point.shape)
        step = 1e-5 * max(1.0, float(np.abs(point).max(initial=0)))
        plus, minus = (complex(f((point + s * step * way).astype(complex))).real for s in (1, -1))
        rough = (plus - minus) / (2 * step)
        noise = 1e-9 * max(abs(plus), abs(minus)) / step
        exact = float(np.sum(slope * way))
        if abs(rough - exact) > 1e-3 * max(abs(rough), abs(exact)) + noise + 1e-8:
            raise Bad("dgrad: the function is not analytic here (abs, norm, max, float?); use w.d")

    def d(self, f: Callable[[float], Any], t: float, h: float = 1e-3) -> Any:
        """Derivative of a (vector) function of one real variable, by eighth-order central differences."""
        weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
        return (
            sum(
                c * (np.asarray(f(t + (k + 1) * h)) - np.asarray(f(t - (k + 1) * h)))
                for k, c in enumerate(weights)
            )
            / h
        )

    def quad(self, f: Callable[[float], Any], a: float, b: float, n: int = 80) -> Any:
        """Integral from a to b by the Gauss-Legendre rule with n points."""
        points, weights = legendre(n)
        half, middle = (b - a) / 2, (a + b) / 2
        return half * sum(
            weight * np.asarray(f(middle + half * x)) for x, weight in zip(points, weights, strict=True)
        )

    def ode(self, rhs: Callable[[Array], Any], x0: Any, t: float, n: int = 400) -> Array:
        """The state after time t of x' = rhs(x), by n steps of the classical Runge-Kutta method."""
        x = np.array(x0, dtype=float)
        self._seen(x.size)
        h = t / n
        for _ in range(n):
            a = np.asarray(rhs(x))
            b = np.asarray(rhs(x + h / 2 * a))
            c = np.asarray(rhs(x + h / 2 * b))
            e = np.asarray(rhs(x + h * c))
            x = x + h / 6 * (a + 2 * b + 2 * c + e)
        return x

    def taylor(self, f: Callable[[Any], Any], n: int, x0: float = 0) -> list[float]:
        """Coefficients 0 … n of the Taylor series at x0, by mpmath."""
        import mpmath

        return [float(c) for c in mpmath.taylor(f, x0, n)]


PUBLIC = frozenset(name for name in dir(W) if not name.startswith("_"))


@lru_cache(maxsize=32)
def legendre(n: int) -> tuple[list[float], list[float]]:
    points, weights = np.polynomial.legendre.leggauss(n)
    return points.tolist(), weights.tolist()


def numbers(value: Any) -> Array:
    """An array of floats, or of complex numbers where there are any."""
    try:
        array = np.asarray(value)
        return array.astype(complex if np.iscomplexobj(array) else float)
    except (TypeError, ValueError) as error:
        raise Bad(f"not a number or an array: {str(value)[:80]}") from error


def brief(array: Array) -> str:
    """A few entries of an array, for a message."""
    values = np.asarray(array).ravel()
    shown = ", ".join(f"{v:.8g}" for v in values[:6])
    return shown if values.size == 1 else f"[{shown}{', …' if values.size > 6 else ''}]"
