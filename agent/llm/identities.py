"""Who answers: ``vendor:name``, and ``@host/path`` of the endpoint where it is not the vendor's own.

An identity goes into the ledger key (``Call.model``): what is once written for a model and an endpoint stays, or stored
answers are not found again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.llm.endpoints import address_of, checked_url
from agent.llm.model import ModelSettings

OPENAI_ENDPOINT = "https://api.openai.com/v1"

PLACELESS = ("mailbox", "replay")
"""Vendors whose models have no name of their own: a moved folder keeps its ledger."""

_WITHOUT_ENDPOINT = (*PLACELESS, "command", "local")
"""What follows the vendor is a line or a file, in which an @ is one of its letters."""

_ENDPOINT = re.compile(r"localhost|(?!v?\d+(?:\.\d+){0,2}$).*[.:/].*")
"""A host with a dot, a port or a path; a version (``@20240620``, ``@v1.5``) is part of the name."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The parts of an identity."""

    vendor: str
    name: str
    endpoint: str = ""
    """Host, port and path; empty where it is the vendor's own."""

    def __str__(self) -> str:
        return f"{self.public}@{self.endpoint}" if self.endpoint else self.public

    @property
    def public(self) -> str:
        """Vendor and name."""
        return f"{self.vendor}:{self.name}" if self.name else self.vendor


def identity_of(spec: str, settings: ModelSettings) -> str:
    """Of the model that a SPEC opens under these settings; no key is needed to tell.

    Raises UnusableSpec for an address that is none.
    """
    vendor, _, name = spec.partition(":")
    if vendor in PLACELESS:
        return vendor
    if vendor != "openai":
        return spec
    url = openai_url(settings)
    endpoint = "" if url.rstrip("/") == OPENAI_ENDPOINT else address_of(url)
    return str(Identity(vendor, name.strip(), endpoint))


def openai_url(settings: ModelSettings) -> str:
    """Where ``openai:`` is asked. Raises UnusableSpec for an address that is none."""
    return checked_url(settings.base_url or settings.env.get("OPENAI_BASE_URL") or OPENAI_ENDPOINT)


def split(identity: str) -> Identity:
    """The last @ that is not the first letter of the name, and has what looks like an endpoint behind it, ends the
    name."""
    vendor, _, rest = identity.partition(":")
    name, _, endpoint = rest.rpartition("@")
    if name and vendor not in _WITHOUT_ENDPOINT and _ENDPOINT.fullmatch(endpoint):
        return Identity(vendor, name, endpoint)
    return Identity(vendor, rest)
