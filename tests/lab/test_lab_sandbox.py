"""Generated code tries to get out: as root and as an ordinary user, out of both sandboxes."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from agent.errors import SandboxUnavailable
from agent.lab import run_experiment, run_witness
from agent.lab.sandbox import Limits, UnsafeSandboxWarning, open_sandbox, probe, scratch
from agent.lab.sandbox.bubblewrap import Bubblewrap
from agent.lab.sandbox.landlock import Landlock
from agent.lab.sandbox.model import Sandbox
from agent.lab.sandbox.system import python_argv
from tests.needs import missing

sys.path.insert(0, str(Path(__file__).parent))
import escapes

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
KILLED = {
    "ceaseless fork bomb": "time",
    "endless loop": "time",
    "endless loop that ignores signals": "time",
    "endless output": "output",
    "memory in many processes": "memory",
    "many files": "disk",
}


@lru_cache(maxsize=1)
def ordinary_python() -> str | None:
    """A Python that an unprivileged user may start; root's own may lie in a closed folder."""
    for candidate in ("/usr/bin/python3", sys.executable):
        test = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", candidate, "-c", "import sys; print(sys.version_info[:2])"]  # fmt: skip
        done = subprocess.run(test, capture_output=True, text=True, check=False)
        if done.stdout.strip() == str(tuple(sys.version_info[:2])):
            return candidate
    return None


def escape_as(kind: str, who: str, outside: str) -> dict[str, Any]:
    secret = secrets.token_hex(8)
    argv = [sys.executable]
    if who == "ordinary":
        if os.geteuid() == 0:
            python = ordinary_python()
            if python is None:
                pytest.skip("no Python that an unprivileged user may start")
            argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python]
    elif os.geteuid() != 0:
        pytest.skip("the tests do not run as root")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        port = server.getsockname()[1]
        abstract.bind(f"\0expand-test-{port}")
        abstract.listen()
        path = f"{REPOSITORY}{os.pathsep}{sysconfig.get_path('purelib')}"
        done = subprocess.run(
            [*argv, str(HERE / "escapes.py"), kind, str(port), str(os.getpid()), secret, outside],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "SECRET": secret, "TMPDIR": "/tmp"},
            timeout=300,
        )
    if "SandboxUnavailable" in done.stderr:
        missing("sandbox", f"{kind} does not work here: {done.stderr.strip().splitlines()[-1][:200]}")
    assert done.returncode == 0, done.stderr[-2000:]
    return {"secret": secret, **json.loads(done.stdout)}


@pytest.fixture(
    scope="module", params=[(k, w) for k in ("bubblewrap", "landlock") for w in ("root", "ordinary")]
)
def attempted(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    kind, who = request.param
    # world-readable on purpose: what keeps it closed has to be the sandbox, not its permissions
    folder = Path(f"/var/tmp/expand-test-{secrets.token_hex(4)}")
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    (folder / "private.txt").write_text("private")
    try:
        yield escape_as(kind, who, str(folder / "private.txt"))
        assert [p.name for p in folder.iterdir()] == ["private.txt"]
    finally:
        shutil.rmtree(folder)


def test_nothing_escapes(attempted: dict[str, Any]) -> None:
    got_out = {k: v for k, v in attempted.items() if k != "secret" and "ESCAPED" in v["stdout"]}
    assert got_out == {}


def test_honest_code_runs(attempted: dict[str, Any]) -> None:
    assert attempted["honest"]["stdout"] == "3.0 b'hi\\n'\n", attempted["honest"]


def test_each_limit_is_named(attempted: dict[str, Any]) -> None:
    assert {name: attempted[name]["killed_by"] for name in KILLED} == KILLED
    assert "MemoryError" in attempted["ten gibibytes"]["stderr"]
    assert "File too large" in attempted["large file"]["stderr"]


def test_output_is_kept_up_to_the_limit(attempted: dict[str, Any]) -> None:
    assert attempted["endless output"]["size"] == escapes.TIGHT.output


def test_links_are_not_followed(attempted: dict[str, Any]) -> None:
    assert attempted["links"]["exit"] == 0, attempted["links"]
    assert attempted["links"]["files"] == {"mine.txt": "mine"}


def test_the_parent_survives(attempted: dict[str, Any]) -> None:
    assert attempted["killing the parent"]["stdout"] in ("still here\n", "")


def test_no_process_is_left_behind(attempted: dict[str, Any]) -> None:
    assert f"alive-{attempted['secret']}" in attempted["left behind"]["files"]
    alive = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                alive.append((entry / "cmdline").read_bytes())
            except OSError:
                continue
    assert f"sleep\0{escapes.long_sleep(attempted['secret'])}\0".encode() not in alive


def open_or_skip(kind: type[Bubblewrap] | type[Landlock]) -> Sandbox:
    try:
        return kind.open()
    except SandboxUnavailable as error:
        missing("sandbox", f"{kind.__name__} does not work here: {error}")


def test_namespaces_alone_close_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the seccomp filter, as where libseccomp is missing."""
    box = open_or_skip(Bubblewrap)
    monkeypatch.setattr("agent.lab.inside.seccomp.program", lambda **_: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket\nsocket.socket()\nprint('socket')\nsocket.create_connection(('127.0.0.1', {port}), 2)\nprint('ESCAPED')"
        outcome = box.run(python_argv(code))
    assert outcome.stdout == "socket\n"
    assert "ConnectionRefusedError" in outcome.stderr


@pytest.mark.parametrize("kind", [Bubblewrap, Landlock])
def test_a_run_sees_nothing_of_the_last(kind: type[Bubblewrap] | type[Landlock]) -> None:
    box = open_or_skip(kind)
    code = "import os, tempfile\nleft = ['a', tempfile.gettempdir() + '/b']\n"
    code += "print([name for name in left if os.path.exists(name)])\n[open(name, 'w') for name in left]"
    assert [box.run(python_argv(code)).stdout for _ in range(2)] == ["[]\n"] * 2


@pytest.mark.parametrize("kind", [Bubblewrap, Landlock])
def test_experiments_and_witnesses_work_in_each(
    kind: type[Bubblewrap] | type[Landlock], tmp_path: Path
) -> None:
    box = open_or_skip(kind)
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2], label='损失')\nplt.legend()\nplt.xlabel('步')\nplt.ylabel('损失')\nfigure('f')\nemit('a', 1)"
    for _ in range(2):
        result = run_experiment(code, id="exp", sandbox=box, cache=tmp_path)
        assert (result.ok, list(result.figures)) == (True, ["f"]), result.error
        assert result.warnings == ()
    witness = """
def claim(q, t): return (1 - q**t) / (1 - q)
def check(claim, w):
    q, t = w.real(.2, .9), w.int(3, 9)
    w.equal(sum(q**i for i in range(t)), claim(q, t))
"""
    found = run_witness(witness, eq="eq:geo", tex=r"\frac{1-q^t}{1-q}", sandbox=box)
    assert (found.verdict, found.linked) == ("verified", "evaluated"), found


def test_scratch_is_removed_whatever_was_done_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = open_or_skip(Bubblewrap)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tmp_path.chmod(0o755)
    code = (
        "import os\nos.mkdir('closed'); open('closed/a', 'w'); os.chmod('closed', 0)\n"
        "for _ in range(1500): os.mkdir('d'); os.chdir('d')\nprint('deep')"
    )
    outcome = box.run(python_argv(code))
    assert outcome.stdout == "deep\n", outcome.stderr
    assert list(tmp_path.iterdir()) == []


def test_files_are_given_and_only_changes_come_back() -> None:
    box = open_or_skip(Bubblewrap)
    code = "open('b.txt', 'a').write('!'); open('c/d.txt', 'w').write('new')"
    outcome = box.run(python_argv(code), files={"a.txt": b"a", "b.txt": b"b", "c/x.txt": b"x"})
    assert outcome.files == {"b.txt": b"b!", "c/d.txt": b"new"}, outcome.stderr


def test_crash_is_told_from_failure() -> None:
    box = open_or_skip(Bubblewrap)
    crash = box.run(
        python_argv("import os, signal\nsignal.signal(11, signal.SIG_DFL); os.kill(os.getpid(), 11)")
    )
    assert (crash.exit, crash.killed_by) == (139, "signal")
    assert box.run(python_argv("raise SystemExit(3)")).exit == 3


def test_without_any_confinement_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Sandbox:
        raise SandboxUnavailable("no")

    monkeypatch.setattr(Bubblewrap, "open", refuse)
    monkeypatch.setattr(Landlock, "open", refuse)
    with pytest.raises(SandboxUnavailable, match="nothing here can confine") as caught:
        open_sandbox()
    assert "bubblewrap" in caught.value.hint
    assert [(r.name, r.ok) for r in probe()] == [("sandbox", False)]


def test_landlock_is_the_second_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    open_or_skip(Landlock)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert open_sandbox().name == "landlock"


def test_unsafe_is_loud_and_still_limited() -> None:
    with pytest.warns(UnsafeSandboxWarning, match="NO SANDBOX"):
        box = open_sandbox(unsafe=True)
    assert not box.confined
    assert box.run(python_argv("print(1)")).stdout == "1\n"
    assert box.run(python_argv("while True: pass"), limits=Limits(wall=0.5)).killed_by == "time"


def test_probe_finds_every_limit_in_force() -> None:
    found = probe()
    if [r.name for r in found] == ["sandbox"]:
        missing("sandbox", found[0].detail)
    assert [r for r in found if not r.ok] == []
    assert sum(r.control for r in found) >= 4
    assert [r.name for r in found if r.detail in ("", "ended by itself")] == [], "each says what happened"
    assert {r.name: r.detail for r in found}["fork bomb"].startswith("stopped after")


@pytest.mark.filterwarnings("ignore::agent.lab.sandbox.UnsafeSandboxWarning")
def test_probe_tries_no_escape_where_nothing_confines() -> None:
    found = probe(open_sandbox(unsafe=True))
    assert [r.name for r in found if not r.control] == ["confinement"]
    assert all(r.ok for r in found if r.control)


def test_counting_disk_gives_up_on_absurd_trees(tmp_path: Path) -> None:
    place = scratch.Scratch(tmp_path, tmp_path / "box", tmp_path / "tmp", tmp_path / "shm")
    place.box.mkdir()
    for number in range(50):
        (place.box / str(number)).write_bytes(b"x")
    assert scratch.used(place) >= 50 * 4096
    assert scratch.used(place, budget=10) > 1 << 59
