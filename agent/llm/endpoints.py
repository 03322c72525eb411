"""Addresses of services: what of them may be shown, and which are on this machine or in this house."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from agent.errors import UnusableSpec


def checked_url(url: str, setting: str = "base_url") -> str:
    """Raises UnusableSpec, which names the setting, for what is no address."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets around what is no address
        sound = False
    if not sound:
        raise UnusableSpec(f"{setting} is no http or https address", hint="such as http://127.0.0.1:8000/v1")
    return url


def address_of(url: str) -> str:
    """Host, port and path: neither scheme, nor a name and password, nor a query, which may hold a key."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}{parts.path.rstrip('/')}"


def is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))
