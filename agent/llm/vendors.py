"""SPEC → model. One line a vendor."""

from __future__ import annotations

from agent.llm.model import Model, ModelSettings


def open_model(spec: str, settings: ModelSettings) -> Model:
    """The model behind ``vendor:name``.

    Raises NotConfigured for an unknown vendor (with near names), a missing key, recording or extra.
    """
    raise NotImplementedError
