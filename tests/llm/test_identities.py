"""What the identity of a model says: vendor, name, endpoint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import PriceConfig
from agent.errors import UnusableSpec
from agent.llm import ModelSettings
from agent.llm.identities import ENDPOINTS, Identity, identity_of, split
from agent.llm.prices import cost_of, priced, window_of
from agent.llm.recording import public_name
from agent.llm.vendors import VENDORS
from agent.records import Usage

IDENTITIES = [
    ("openai:m", Identity("openai", "m")),
    ("openai:m@api.deepseek.com/v1", Identity("openai", "m", "api.deepseek.com/v1")),
    ("openai:m@localhost", Identity("openai", "m", "localhost")),
    ("openai:m@vllm:8000", Identity("openai", "m", "vllm:8000")),
    ("openai:m@10.0.0.1", Identity("openai", "m", "10.0.0.1")),
    ("openai:m@::1:8000/v1", Identity("openai", "m", "::1:8000/v1")),
    ("openai:@cf/meta/llama-3", Identity("openai", "@cf/meta/llama-3")),
    (
        "openai:@cf/meta/llama-3@api.cloudflare.com/v1",
        Identity("openai", "@cf/meta/llama-3", "api.cloudflare.com/v1"),
    ),
    ("google_vertexai:claude-3-5-sonnet@20240620", Identity("google_vertexai", "claude-3-5-sonnet@20240620")),
    ("google_vertexai:x@default", Identity("google_vertexai", "x@default")),
    ("google_vertexai:x@v1.5", Identity("google_vertexai", "x@v1.5")),
    ("ollama:qwen3:8b@gpu.example.org:11434", Identity("ollama", "qwen3:8b", "gpu.example.org:11434")),
    ("command:mail -s me@example.org", Identity("command", "mail -s me@example.org")),
    ("local:x@1.2.0.gguf", Identity("local", "x@1.2.0.gguf")),
    ("mailbox", Identity("mailbox", "")),
]


@pytest.mark.parametrize(("text", "parts"), IDENTITIES)
def test_an_identity_is_split_and_put_together(text: str, parts: Identity) -> None:
    assert split(text) == parts
    assert str(parts) == text


names = st.text("abc@/:.-0123456789", min_size=1, max_size=20).filter(str.strip)
hosts = st.from_regex(
    r"[a-z]{1,8}(\.[a-z]{2,5}){1,2}(:[1-9][0-9]{1,3})?(/[a-z0-9]{1,5}){0,2}", fullmatch=True
)


@given(names, hosts)
def test_whatever_the_name_an_endpoint_is_found_behind_it(name: str, host: str) -> None:
    assert split(f"openai:{name}@{host}") == Identity("openai", name, host)


def test_names_with_an_at_sign_are_not_cut() -> None:
    own = priced({"openai:@cf/meta/llama-3": PriceConfig(input=2.0, output=4.0)})
    usage = Usage(1_000_000, 0, 1_000_000)
    assert own("openai:@cf/meta/llama-3@api.cloudflare.com/v1", usage) == pytest.approx(6.0)
    assert public_name("openai:@cf/meta/llama-3@api.cloudflare.com/v1") == "openai:@cf/meta/llama-3"
    dated = "google_vertexai:claude-3-5-sonnet@20240620"
    assert (cost_of(dated, usage) or 0) > 0
    assert window_of(dated) == 200_000
    assert public_name(dated) == dated


def test_a_recording_names_no_endpoint_whatever_the_vendor() -> None:
    assert public_name("ollama:qwen3@gpu.example.org:11434") == "ollama:qwen3"
    assert public_name("mailbox") == "mailbox"


@pytest.mark.parametrize(
    ("spec", "env", "identity"),
    [
        ("mailbox:/tmp/m", {}, "mailbox"),
        ("replay:x.jsonl", {}, "replay"),
        ("command:llm -m x", {}, "command:llm -m x"),
        ("openai:m", {}, "openai:m"),
        ("openai: m", {"OPENAI_BASE_URL": "https://api.openai.com/v1/"}, "openai:m"),
        (
            "openai:m",
            {"OPENAI_BASE_URL": "https://me:key@api.deepseek.com/?k=1"},
            "openai:m@api.deepseek.com",
        ),
        ("anthropic:m", {"OPENAI_BASE_URL": "https://api.deepseek.com"}, "anthropic:m"),
        ("anthropic:m", {"ANTHROPIC_BASE_URL": "https://api.anthropic.com/"}, "anthropic:m"),
        (
            "anthropic:m",
            {
                "ANTHROPIC_BASE_URL": "https://api.anthropic.com",
                "ANTHROPIC_API_URL": "https://proxy.example.org/a",
            },
            "anthropic:m@proxy.example.org/a",
        ),
        (
            "azure_openai:gpt-4o",
            {"AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/"},
            "azure_openai:gpt-4o@mine.openai.azure.com",
        ),
        ("ollama:qwen3", {}, "ollama:qwen3"),
        ("ollama:qwen3", {"OLLAMA_HOST": ""}, "ollama:qwen3"),
        ("ollama:qwen3", {"OLLAMA_HOST": "127.0.0.1"}, "ollama:qwen3"),
        ("ollama:qwen3", {"OLLAMA_HOST": "0.0.0.0:11434"}, "ollama:qwen3"),
        ("ollama:qwen3", {"OLLAMA_HOST": ":11434"}, "ollama:qwen3"),
        ("ollama:qwen3", {"OLLAMA_HOST": "http://localhost:11434/"}, "ollama:qwen3"),
        ("ollama:qwen3:8b", {"OLLAMA_HOST": "gpu"}, "ollama:qwen3:8b@gpu:11434"),
        ("ollama:qwen3", {"OLLAMA_HOST": "https://me:key@gpu.example.org"}, "ollama:qwen3@gpu.example.org"),
        ("ollama:qwen3", {"OLLAMA_HOST": "10.0.0.1:8080"}, "ollama:qwen3@10.0.0.1:8080"),
        ("bedrock:m", {"OLLAMA_HOST": "10.0.0.1"}, "bedrock:m"),
    ],
)
def test_the_identity_behind_a_spec(spec: str, env: dict[str, str], identity: str) -> None:
    """Known without a key, and without opening anything."""
    assert identity_of(spec, ModelSettings(env=env)) == identity


def test_the_endpoint_of_the_settings_stands_before_the_environment() -> None:
    settings = ModelSettings(base_url="http://10.0.0.2/v1", env={"OPENAI_BASE_URL": "http://10.0.0.1/v1"})
    assert identity_of("openai:m", settings) == "openai:m@10.0.0.2/v1"


def test_an_address_that_is_none_is_named_by_its_variable() -> None:
    with pytest.raises(UnusableSpec, match="OLLAMA_HOST"):
        identity_of("ollama:m", ModelSettings(env={"OLLAMA_HOST": "gpu:port"}))


def test_a_vendor_at_its_own_place_keeps_its_price() -> None:
    usage = Usage(1000, 0, 1000)
    assert cost_of("azure_openai:gpt-4o@mine.openai.azure.com", usage) == cost_of(
        "azure_openai:gpt-4o", usage
    )
    assert cost_of("anthropic:claude-sonnet-4-5@proxy.example.org/a", usage) is None


@pytest.mark.parametrize("vendor", sorted(ENDPOINTS))
def test_every_vendor_with_an_endpoint_of_its_own_is_one_we_open(vendor: str) -> None:
    assert vendor in dict(VENDORS)
    host = {ENDPOINTS[vendor][0][0]: "https://elsewhere.example.org"}
    assert identity_of(f"{vendor}:m", ModelSettings(env=host)) == f"{vendor}:m@elsewhere.example.org"
