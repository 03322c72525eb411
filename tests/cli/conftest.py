"""The workspaces and processes of the pipeline's tests serve the command line's too."""

from tests.pipeline.conftest import new_site, nursery, service, site

__all__ = ["new_site", "nursery", "service", "site"]
