"""What a check can end with, other than in peace."""

from __future__ import annotations


class Refuted(AssertionError):
    """Both sides were computed, and they differ."""


class Rounding(Refuted):
    """They differ, but in the way rounding makes them differ: the input scale is at fault, not the formula."""


class Bad(Exception):
    """The witness cannot decide: wrong shapes, values that are not finite, too much noise."""
