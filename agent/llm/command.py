"""``command:ARGV``: the prompt on the stdin of a program, the answer on its stdout (``command:llm -m …``)."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress

from agent.errors import NotConfigured, Rejected, Unavailable, UnusableSpec
from agent.llm.keys import canonical
from agent.llm.model import ModelSettings
from agent.llm.redact import one_line, redact
from agent.llm.usage import own_count
from agent.records import Call, Reply


class CommandModel:
    """The program gets our environment, since its keys and settings are there.

    Raises UnusableSpec on opening for a program that is not there or a line that cannot be split.
    """

    def __init__(self, spec: str, name: str, settings: ModelSettings) -> None:
        self.spec = self.identity = spec
        self.context_window = settings.context_window
        self._env = dict(settings.env)
        self._timeout = settings.command_timeout
        try:
            self._argv = shlex.split(name)
        except ValueError as error:
            raise UnusableSpec(f"model {spec!r}: {error}", hint="quote it as for a shell") from error
        if not self._argv or shutil.which(self._argv[0], path=self._env.get("PATH")) is None:
            program = self._argv[0] if self._argv else ""
            raise UnusableSpec(f"model {spec!r}: no program {program!r}", hint="install it, or give its path")

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        """Raises Unavailable where the program fails or takes too long, Rejected where it does not write
        UTF-8, NotConfigured for a call with pictures and for a program the system cannot run."""
        if any(m.images for m in call.messages):
            raise NotConfigured(
                f"{call.name}: a program is given text, no pictures",
                hint="set model.figures = false in config.toml",
            )
        out, problem = await self._run(call, prompt_text(call).encode())
        if problem:
            raise Unavailable(
                f"{call.name}: {self._argv[0]} {problem}", local=True, hint="try the command in a shell"
            )
        try:
            text = out.decode("utf-8").strip("\n")
        except UnicodeDecodeError as error:
            raise Rejected(f"{call.name}: {self._argv[0]} wrote no UTF-8 (byte {error.start})") from None
        return Reply(text, usage=own_count(call, text))

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _run(self, call: Call, prompt: bytes) -> tuple[bytes, str]:
        """Output and what went wrong, if anything."""
        pipe = asyncio.subprocess.PIPE
        # A session of its own, so that what the program starts can be ended with it.
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv, stdin=pipe, stdout=pipe, stderr=pipe, env=self._env, start_new_session=True
            )
        except OSError as error:
            raise NotConfigured(
                f"model {self.spec!r}: {self._argv[0]} cannot be run ({error.strerror})",
                hint="a script needs a first line such as #!/bin/sh",
            ) from None
        try:
            async with asyncio.timeout(self._timeout):
                out, err = await process.communicate(prompt)
        except TimeoutError:
            return b"", f"did not answer within {self._timeout:g} s"
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if process.returncode:
            return b"", f"ended with code {process.returncode}{self._last_line(err)}"
        return out, ""

    def _last_line(self, err: bytes) -> str:
        lines = err.decode("utf-8", "replace").strip().splitlines()
        if not lines:
            return ""
        keys = [v for k, v in self._env.items() if "KEY" in k or "TOKEN" in k or "SECRET" in k]
        return ": " + one_line(redact(lines[-1], keys))


def prompt_text(call: Call) -> str:
    """A single message as it is; several under the name of who speaks; the schema, if any, last."""
    if len(call.messages) == 1:
        text = call.messages[0].content
    else:
        text = "\n\n".join(f"[{m.role}]\n{m.content}" for m in call.messages)
    if call.schema is not None:
        text += f"\n\n[JSON Schema]\n{canonical(dict(call.schema))}"
    return text + "\n"
