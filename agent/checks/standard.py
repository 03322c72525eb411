"""What structure asks of an expansion: the expansion standard as fields, each measured by one rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.config import StandardConfig


@dataclass(frozen=True, slots=True)
class Standard:
    """0, False or an empty mapping asks for nothing."""

    subsections: int = 0
    """Subsections (headings of level 3 and below, boxes' own headings included) at least."""
    methods: int = 0
    """Methods, that is rows, one comparison table has at least."""
    boxes: int = 0
    """Kinds of boxes at least."""
    example: bool = False
    """A worked example: an ``example-box``, or a heading that says so."""
    fold: int = 0
    """Code blocks and derivations longer than this many lines stand in ``<details>``."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Least share of the added lines by template, such as ``{"theory": 0.4}``."""
    tolerance: float = 0.5
    """A share may fall short by this part of itself before it is a finding: shares are a plan, not a law."""

    @classmethod
    def of(cls, config: StandardConfig) -> Standard:
        return cls(
            subsections=config.subsections,
            methods=config.methods,
            boxes=config.boxes,
            example=config.example,
            fold=config.fold,
            shares=dict(config.shares),
        )
