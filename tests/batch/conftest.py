"""The pipeline's workspace and service, for batches."""

from __future__ import annotations

from tests.pipeline.conftest import new_site, nursery, service, site

__all__ = ["new_site", "nursery", "service", "site"]
