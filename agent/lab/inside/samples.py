"""Random inputs that satisfy a formula's hypotheses and nothing more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

Array = Any
Whole = int
"""``int`` by another name: ``Inputs.int`` hides it inside the class."""
BLOCK = 64
"""Points drawn at once."""


class Smooth:
    """A random analytic function Rᵈ → R: a quadratic plus sines, with exact derivatives up to the third."""

    def __init__(self, rng: np.random.Generator, d: int, waves: int = 3) -> None:
        square = rng.normal(size=(d, d))
        self._form = (square + square.T) / 2
        self._slope = rng.normal(size=d)
        self._waves = rng.normal(size=(waves, d)) / math.sqrt(d)
        self._height = rng.normal(size=waves)
        self._phase = rng.uniform(0, 6, size=waves)

    def _angle(self, x: Array) -> Array:
        return self._waves @ x + self._phase

    def __call__(self, x: Array) -> Any:
        x = np.asarray(x)
        return x @ self._form @ x / 2 + self._slope @ x + self._height @ np.sin(self._angle(x))

    def grad(self, x: Array) -> Array:
        x = np.asarray(x)
        return self._form @ x + self._slope + self._waves.T @ (self._height * np.cos(self._angle(x)))

    def hess(self, x: Array) -> Array:
        bend = self._height * np.sin(self._angle(np.asarray(x)))
        return self._form - (self._waves.T * bend) @ self._waves

    def third(self, x: Array) -> Array:
        turn = self._height * np.cos(self._angle(np.asarray(x)))
        return -np.einsum("k,ki,kj,kl->ijl", turn, self._waves, self._waves, self._waves)


class Inputs:
    """The input half of ``w``. It remembers the largest dimension it gave out."""

    def __init__(self, seed: Whole) -> None:
        self._rng = np.random.default_rng(seed)
        self._dimension = 0

    def _seen(self, n: Whole) -> Whole:
        self._dimension = max(self._dimension, n)
        return n

    def real(self, a: float = -2.0, b: float = 2.0) -> float:
        return float(self._rng.uniform(a, b))

    def pos(self, a: float = 0.3, b: float = 3.0) -> float:
        return float(self._rng.uniform(a, b))

    def int(self, a: Whole, b: Whole) -> Whole:
        """A whole number from a to b, both included."""
        return Whole(self._rng.integers(a, b + 1))

    def vec(self, n: Whole = 4) -> Array:
        return self._rng.normal(size=self._seen(n))

    def unit(self, n: Whole = 4) -> Array:
        v = self.vec(n)
        return v / np.sqrt(v @ v)

    def mat(self, n: Whole = 4, m: Whole | None = None) -> Array:
        return self._rng.normal(size=(self._seen(n), m or n))

    def sym(self, n: Whole = 4) -> Array:
        a = self.mat(n)
        return (a + a.T) / 2

    def spd(self, n: Whole = 4) -> Array:
        """Symmetric positive definite, eigenvalues bounded away from 0."""
        a = self.mat(n)
        return a @ a.T / n + 0.3 * np.eye(n)

    def orth(self, n: Whole = 4) -> Array:
        """Orthogonal, uniform over the group: the signs of R's diagonal are moved into Q (Mezzadri 2007)."""
        q, r = np.linalg.qr(self.mat(n))
        return q * np.sign(np.diag(r))

    def simplex(self, n: Whole = 4) -> Array:
        return self._rng.dirichlet(np.ones(self._seen(n)))

    def smooth(self, d: Whole = 3) -> Smooth:
        return Smooth(self._rng, self._seen(d))


def generic(
    rng: np.random.Generator, n: Whole, tries: Whole, found: Callable[[], Sequence[tuple[float, ...]]]
) -> Iterator[tuple[float, ...]]:
    """Points of Rⁿ for a statement whose hypotheses choose among them: of common size, of many sizes, near the
    diagonal (where means meet), and, once some were ``found`` to fit, near those."""
    for _ in range(0, tries, BLOCK):
        shape = (BLOCK, n)
        signs = np.where(rng.random((BLOCK, 1)) < 0.5, 1.0, rng.choice([-1.0, 1.0], size=shape))
        ways = [
            signs * rng.uniform(0, 2, size=shape),
            signs * np.exp(rng.uniform(-6, 6, size=shape)),
            signs * np.exp(rng.uniform(-2, 2, size=(BLOCK, 1))) * (1 + 0.2 * rng.normal(size=shape)),
        ]
        known = np.array(found())
        if len(known):
            near = known[rng.integers(len(known), size=BLOCK)]
            step = rng.choice([0.01, 0.3], size=(BLOCK, 1))
            ways.append(near * (1 + step * rng.normal(size=shape)))
        chosen = rng.integers(len(ways), size=(BLOCK, 1))
        yield from map(tuple, np.choose(chosen, ways).tolist())
