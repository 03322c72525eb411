"""What the commands that are run first and often cost on 10,000 articles.

Makes a workspace with a plan of half of them, an event log, drafts and a ledger, runs each command as a process of its
own, and prints seconds, peak memory and how many files of the workspace it opened, beside the seconds that plain Python
needs to read every article once. *Cold* means without `outputs/index.json`; the operating system has the files in its
memory either way. Files are counted in a run of their own, through an audit hook, so that counting costs no time.

Run as ``python -m benchmarks.size``; 0 as the exit code means that every bar held. ``--json`` prints one object,
``--keep FOLDER`` leaves the workspace there (and takes the one that is there).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.library import make

ROOT = Path(__file__).resolve().parent.parent
CALL = "next, to its first call"
SECONDS = {"status": 1.0, "next --dry-run": 2.0, CALL: 2.0}
"""Bars of a warm run."""
MEMORY = 300
"""MB that any command may hold at once."""
TIMES_READING = 1.05
"""Files that a command may open, beside one for each article: what else there is (drafts, plan, log)."""
READ = """
import sys
from pathlib import Path
for path in Path(sys.argv[1]).rglob("*.md"):
    path.read_bytes()
"""
COUNTED = """
import os, sys
root, opened = os.path.realpath(sys.argv.pop(1)) + os.sep, []
def hook(event, args):
    if event == "open" and isinstance(args[0], str) and not args[2] & (os.O_WRONLY | os.O_RDWR):
        opened.append(args[0])
sys.addaudithook(hook)
sys.argv[0] = "expand"
from agent.cli import main
try:
    main()
finally:
    inside = [p for p in map(os.path.realpath, opened) if p.startswith(root)]
    sys.stderr.write(f"\\nopened {len(inside)} {len(set(inside))}\\n")
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One process."""

    seconds: float
    processor: float
    """Seconds of it, those of its own children left out: what the clock says too where nothing else runs."""
    memory: float
    """Peak resident, in MB."""


@dataclass(frozen=True, slots=True)
class Measured:
    name: str
    seconds: float
    """Best of the warm runs."""
    processor: float
    """Of the best, too."""
    memory: float
    """Most of all runs, in MB."""
    opened: int | None
    """How often the command opened a file of the workspace to read it; None where it was not counted."""
    twice: int | None
    """How many of these were of a file that it had opened before."""


def commands(sub: str) -> dict[str, Sequence[str]]:
    return {
        "status": ("status",),
        "status --json": ("status", "--json"),
        "plan show": ("plan", "show"),
        "next --dry-run": ("next", "--dry-run"),
        f"batch {sub} --dry-run": ("batch", sub, "--dry-run"),
        "plan propose --json": ("plan", "propose", "--json"),
        "audit": ("audit",),
        "report": ("report",),
        "cost": ("cost",),
    }


def run(program: Sequence[str], root: Path) -> Run:
    """A process, waited for by itself so that its peak is its own."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *program],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(program)} ended with {process.returncode}: {said.decode()}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, megabytes(usage.ru_maxrss))


def megabytes(peak: int) -> float:
    """Of what the system says: kilobytes on Linux, bytes on macOS."""
    return peak / (1 << 10 if sys.platform == "linux" else 1 << 20)


def environment() -> dict[str, str]:
    """As an installed program has it: with its bytecode compiled, and its output in blocks."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "expand-bytecode"),
    }


def opened(argv: Sequence[str], root: Path) -> tuple[int, int]:
    """Files of the workspace that a command opened to read, and how many of them again."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTED, str(root), *argv],
        cwd=root,
        env=environment(),
        capture_output=True,
        check=False,
    )
    _, times, files = done.stderr.decode().splitlines()[-1].split()
    return int(times), int(times) - int(files)


def best(runs: Sequence[Run]) -> tuple[float, float, float]:
    """Least seconds, least seconds of the processor, most memory."""
    return min(r.seconds for r in runs), min(r.processor for r in runs), max(r.memory for r in runs)


def measured(name: str, argv: Sequence[str], root: Path, repeat: int) -> Measured:
    runs = [run(("-m", "agent", *argv), root) for _ in range(repeat)]
    return Measured(name, *best(runs), *opened(argv, root))


def to_first_call(root: Path, repeat: int) -> Measured:
    """A real `next`, until its first call stands in a mailbox that nobody answers."""
    runs = []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(_first_call(root, Path(folder)))
    return Measured(CALL, *best(runs), None, None)


def _first_call(root: Path, box: Path) -> Run:
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "next", "--model", f"mailbox:{box}"],
        cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip
    while process.poll() is None and not any(box.glob("*.request.json")):
        time.sleep(0.005)
    seconds = time.perf_counter() - start
    if process.returncode is not None:
        raise SystemExit(f"next ended with {process.returncode} before its first call")
    process.send_signal(signal.SIGKILL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = -signal.SIGKILL
    return Run(seconds, usage.ru_utime + usage.ru_stime, megabytes(usage.ru_maxrss))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", default="", help="commands whose name starts so")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = (options.keep or Path(folder)).resolve()
        if not (root / "config.toml").is_file():
            make(root, options.articles)
        whole = examine(root, options.repeat, options.only)
    print(json.dumps(whole, ensure_ascii=False, indent=1) if options.json else table(whole))
    return 0 if whole["held"] else 1


def examine(root: Path, repeat: int, only: str) -> dict[str, Any]:
    """Everything that is printed; see `table`."""
    index = root / "outputs" / "index.json"
    articles = len(list((root / "blogs_raw").glob("*.md")))
    plain = [run(("-c", READ, str(root)), root) for _ in range(repeat)]
    reading = min(r.seconds for r in plain)
    index.unlink(missing_ok=True)
    times, twice = opened(("status",), root)
    cold = []
    for _ in range(repeat):
        index.unlink(missing_ok=True)
        cold.append(run(("-m", "agent", "status"), root))
    start = Measured("status, cold", *best(cold), times, twice)
    rows = [start]
    rows += [measured(n, a, root, repeat) for n, a in commands("2A").items() if n.startswith(only)]
    if CALL.startswith(only):
        rows.append(to_first_call(root, repeat))
    return {
        "articles": articles,
        "bytes": sum(p.stat().st_size for p in (root / "blogs_raw").glob("*.md")),
        "reading": round(reading, 2),
        "cold ÷ reading": round(start.seconds / reading, 1),
        "commands": [asdict(r) for r in rows],
        "held": all(holds(r, articles) for r in rows),
    }


def holds(row: Measured, articles: int) -> bool:
    bound = articles * TIMES_READING
    return (
        row.seconds <= SECONDS.get(row.name, math.inf)
        and row.memory <= MEMORY
        and (row.opened is None or row.opened <= bound)
    )


def table(whole: Mapping[str, Any]) -> str:
    rows = [
        f"{whole['articles']} articles, {whole['bytes'] / 1e6:.0f} MB; reading each once in plain Python: "
        f"{whole['reading']:.2f} s; cold status ÷ that: {whole['cold ÷ reading']}",
        "",
        "| command | seconds | bar | processor | peak MB | files opened | of these, again |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in whole["commands"]:
        bar = f"{SECONDS[row['name']]:.1f}" if row["name"] in SECONDS else ""
        opened = [str(row[k]) if row[k] is not None else "" for k in ("opened", "twice")]
        rows.append(
            f"| `{row['name']}` | {row['seconds']:.2f} | {bar} | {row['processor']:.2f} | {row['memory']:.0f} | {' | '.join(opened)} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    raise SystemExit(main())
