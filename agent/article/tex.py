"""TeX as it stands in such articles, and as MathJax wants it."""

from __future__ import annotations


def normalise(tex: str) -> str:
    """Converter dialect -> plain TeX; plain TeX comes back unchanged. Only ever applied to a copy."""
    raise NotImplementedError
