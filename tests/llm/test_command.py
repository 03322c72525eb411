"""command: any program that reads a prompt and writes an answer."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.errors import NotConfigured, Rejected, Unavailable
from agent.llm import Model, ModelSettings, open_model
from agent.records import Call, Message
from tests.llm.helpers import SECRET, make_call, run


def program(code: str, **settings: Any) -> Model:
    return open_model(
        f"command:{shlex.join([sys.executable, '-c', code])}",
        ModelSettings(env={**os.environ, "MY_API_KEY": SECRET}, **settings),
    )


ECHO = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"


def test_several_messages_come_with_who_speaks() -> None:
    reply = run(program(ECHO).send(make_call(schema={"type": "object"})))
    assert reply.text == '[system]\n你是作者\n\n[user]\n写一段\n\n[JSON Schema]\n{"type":"object"}'
    assert not reply.usage.counted


def test_one_message_comes_as_it_is() -> None:
    assert run(program(ECHO).send(Call("a", "m", (Message("user", "写一段"),)))).text == "写一段"


def test_the_program_has_our_environment() -> None:
    code = "import os; print(os.environ['MY_API_KEY'] == 'K', len(os.environ['MY_API_KEY']))"
    assert run(program(code).send(make_call())).text == f"False {len(SECRET)}"


def test_a_failing_program_tells_its_last_words() -> None:
    code = f"import sys; print('first', file=sys.stderr); sys.exit('no quota for {SECRET}')"
    with pytest.raises(Unavailable) as caught:
        run(program(code).send(make_call()))
    assert "ended with code 1: no quota for [key]" in str(caught.value)
    assert "a/b" in str(caught.value)


def test_a_program_that_does_not_read_its_input() -> None:
    big = Call("a", "m", (Message("user", "字" * 500_000),))
    assert run(program("print('好')").send(big)).text == "好"


def test_a_program_that_the_system_cannot_run(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_bytes(b"\x00 no program and no first line")
    script.chmod(0o755)
    model = open_model(f"command:{script}", ModelSettings(env=dict(os.environ)))
    with pytest.raises(NotConfigured, match="cannot be run") as caught:
        run(model.send(make_call()))
    assert "#!" in caught.value.hint


def test_output_that_is_no_utf8() -> None:
    code = "import sys; sys.stdout.buffer.write('梯度'.encode('gb18030'))"
    with pytest.raises(Rejected, match="no UTF-8"):
        run(program(code).send(make_call()))


# The program and a child of its own, which holds on to the output.
FAMILY = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + ".part", "w") as out:
    out.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
child.wait()
"""


def family(tmp_path: Path, **settings: Any) -> tuple[Model, Path]:
    pids = tmp_path / "pids"
    line = shlex.join([sys.executable, "-c", FAMILY, str(pids)])
    return open_model(f"command:{line}", ModelSettings(env=os.environ, **settings)), pids


def is_gone(pid: int) -> bool:
    """Gone, or a zombie that nobody here has to collect."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
def test_cancelled_the_whole_group_ends(tmp_path: Path) -> None:
    model, pids = family(tmp_path)

    async def main() -> None:
        task = asyncio.create_task(model.send(make_call()))
        while not pids.exists():
            assert not task.done()
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for pid in map(int, pids.read_text().split()):
            while not is_gone(pid):  # noqa: ASYNC110  the kernel ends it
                await asyncio.sleep(0)

    run(main())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
def test_after_the_time_out_the_whole_group_ends(tmp_path: Path) -> None:
    async def main() -> None:
        for seconds in (0.5, 2.0, 8.0, 32.0):
            model, pids = family(tmp_path, command_timeout=seconds)
            with pytest.raises(Unavailable, match=f"did not answer within {seconds:g} s"):
                await model.send(make_call())
            if pids.exists():  # on a busy machine it may need longer
                break
        for pid in map(int, pids.read_text().split()):
            while not is_gone(pid):  # noqa: ASYNC110  the kernel ends it
                await asyncio.sleep(0)

    run(main())


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(NotConfigured, match="no program 'no-such-program'"):
        open_model("command:no-such-program -x", ModelSettings(env={"PATH": "/usr/bin"}))
    with pytest.raises(NotConfigured, match="No closing quotation"):
        open_model("command:x 'y", ModelSettings(env={}))


def test_the_identity_is_the_line() -> None:
    assert program(ECHO).identity == program(ECHO).spec
