"""Who answers: ``vendor:name``, and ``@host/path`` of the endpoint where it is not the vendor's own.

An identity goes into the ledger key (``Call.model``): what is once written for a model and an endpoint stays, or stored
answers are not found again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agent.llm.endpoints import address_of, checked_url
from agent.llm.model import ModelSettings

OPENAI_ENDPOINT = "https://api.openai.com/v1"

OLLAMA_PORT = 11434
"""Where ``OLLAMA_HOST`` names neither port nor protocol."""

ENDPOINTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "anthropic": (("ANTHROPIC_API_URL", "ANTHROPIC_BASE_URL"), ("api.anthropic.com",)),
    "azure_openai": (("AZURE_OPENAI_ENDPOINT",), ()),
    "cohere": (("CO_API_URL",), ("api.cohere.com", "api.cohere.ai")),
    "deepseek": (("DEEPSEEK_API_BASE",), ("api.deepseek.com",)),
    "fireworks": (("FIREWORKS_API_BASE", "FIREWORKS_BASE_URL"), ("api.fireworks.ai",)),
    "google_genai": (("GOOGLE_GEMINI_BASE_URL",), ("generativelanguage.googleapis.com",)),
    "groq": (("GROQ_API_BASE", "GROQ_BASE_URL"), ("api.groq.com",)),
    "huggingface": (("HF_INFERENCE_ENDPOINT",), ("api-inference.huggingface.co",)),
    "mistralai": (("MISTRAL_BASE_URL",), ("api.mistral.ai",)),
    "nvidia": (("NVIDIA_BASE_URL",), ("integrate.api.nvidia.com",)),
    "ollama": (("OLLAMA_HOST",), tuple(f"{h}:{OLLAMA_PORT}" for h in ("127.0.0.1", "localhost", "0.0.0.0"))),
    "openrouter": (("OPENROUTER_API_BASE",), ("openrouter.ai",)),
    "perplexity": (("PERPLEXITY_BASE_URL",), ("api.perplexity.ai",)),
    "together": (("TOGETHER_API_BASE",), ("api.together.xyz", "api.together.ai")),
    "xai": (("XAI_API_BASE",), ("api.x.ai",)),
}
"""Vendor behind LangChain → the variables from which its package takes another endpoint, in their order, and its own
hosts. Azure has none: every endpoint is somebody's."""

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
    if vendor == "openai":
        url = openai_url(settings)
        endpoint = "" if url.rstrip("/") == OPENAI_ENDPOINT else address_of(url)
        return str(Identity(vendor, name.strip(), endpoint))
    endpoint = _elsewhere(vendor, settings.env)
    return f"{spec}@{endpoint}" if endpoint else spec


def openai_url(settings: ModelSettings) -> str:
    """Where ``openai:`` is asked. Raises UnusableSpec for an address that is none."""
    return checked_url(settings.base_url or settings.env.get("OPENAI_BASE_URL") or OPENAI_ENDPOINT)


def _elsewhere(vendor: str, env: Mapping[str, str]) -> str:
    """The endpoint that a vendor's package takes from the environment; empty where it is the vendor's own."""
    variables, own = ENDPOINTS.get(vendor, ((), ()))
    variable = next((name for name in variables if env.get(name)), "")
    if not variable:
        return ""
    url = env[variable]
    if "://" not in url:
        url = f"http://{url}" if ":" in url or vendor != "ollama" else f"http://{url}:{OLLAMA_PORT}"
    address = address_of(checked_url(url.replace("//:", "//127.0.0.1:"), variable))
    return "" if address.partition("/")[0] in own else address


def split(identity: str) -> Identity:
    """The last @ that is not the first letter of the name, and has what looks like an endpoint behind it, ends the
    name."""
    vendor, _, rest = identity.partition(":")
    name, _, endpoint = rest.rpartition("@")
    if name and vendor not in _WITHOUT_ENDPOINT and _ENDPOINT.fullmatch(endpoint):
        return Identity(vendor, name, endpoint)
    return Identity(vendor, rest)
