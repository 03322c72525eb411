"""Compiled libraries for the sandbox, made once.

Some installers leave compiling to the first import. In the sandbox the system is read-only, so without this each run
would compile numpy or matplotlib again, which takes longer than most experiments.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from agent.lab.sandbox.system import INSIDE, LIBRARIES, library_paths

IMPORTED = (
    "numpy numpy.random numpy.linalg scipy scipy.linalg scipy.optimize scipy.integrate scipy.special scipy.stats "
    "scipy.signal scipy.interpolate scipy.sparse mpmath matplotlib.pyplot matplotlib.backends.backend_agg "
    "sklearn.datasets sklearn.linear_model sklearn.svm sklearn.neighbors sklearn.decomposition sklearn.metrics "
    "sklearn.model_selection sklearn.preprocessing sklearn.pipeline sklearn.neural_network sklearn.ensemble torch z3 "
    "inside.experiment inside.judge inside.solver inside.witness_runner inside.confine landlock pyseccomp subprocess "
    "multiprocessing csv statistics decimal urllib.request concurrent.futures"
)
WARM = """
import importlib, sys
for name in sys.argv[1].split():
    try: importlib.import_module(name)
    except Exception: pass
import matplotlib.pyplot as plt
plt.plot([1, 2], label="a"); plt.legend(); plt.savefig(sys.argv[2] + "/warm.png")
"""
SECONDS = 300
"""For the one run that compiles everything, on a slow machine."""
KEPT = 4
"""Folders kept besides those used within a day: one an environment that is in use."""
DAY = 86_400.0


def bytecode_folder() -> Path | None:
    """The folder for PYTHONPYCACHEPREFIX, or None where the installed libraries are compiled or no cache can be kept.

    Made on first use, by importing the libraries outside the sandbox: they are our own dependencies, and no
    generated code takes part. Made anew where it is gone: another environment tidies up too.
    """
    folder = _place()
    if folder is None:
        return None
    try:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            _make(folder.parent, folder)
        # Tidying goes by when a folder was last used, not by when it was made.
        os.utime(folder)
    except (OSError, subprocess.SubprocessError):
        return None
    return folder


@lru_cache(maxsize=1)
def _place() -> Path | None:
    """Where the folder is to be; None where none is wanted or can be."""
    origins = [found for name in LIBRARIES if (found := _origin(name))]
    if all(os.path.exists(importlib.util.cache_from_source(origin)) for origin in origins):
        return None
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("expand")) / f"bytecode-{_key(origins)}"
    except OSError:
        return None


def _origin(name: str) -> str:
    with suppress(ImportError, ValueError):
        found = importlib.util.find_spec(name)
        return found.origin or "" if found else ""
    return ""


def _key(origins: list[str]) -> str:
    parts = [sys.version, *origins, *(str(os.stat(origin).st_mtime_ns) for origin in origins)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _tidy(home: Path, now: float) -> None:
    """Delete the folders of environments that are long out of use."""
    used = {}
    for path in home.glob("bytecode-*"):
        with suppress(OSError):
            used[path] = path.stat().st_mtime
    for old in sorted(used, key=used.__getitem__)[:-KEPT]:
        if used[old] < now - DAY:
            shutil.rmtree(old, ignore_errors=True)


def _make(home: Path, folder: Path) -> None:
    """Fill a folder beside the final one, then rename: another process may be at it too."""
    made = Path(tempfile.mkdtemp(dir=home, prefix="making-"))
    made.chmod(0o755)
    try:
        paths = [str(INSIDE.parent), *library_paths()]
        boot = f"import sys; sys.path[:0] = {paths!r}; sys.dont_write_bytecode = False\n{WARM}"
        environment = {
            "PYTHONPYCACHEPREFIX": str(made),
            "HOME": str(made),
            "MPLCONFIGDIR": str(made),
            "PATH": "/usr/bin:/bin",
        }
        subprocess.run(
            [sys.executable, "-s", "-P", "-c", boot, IMPORTED, str(made)],
            env=environment | {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"},
            check=True,
            capture_output=True,
            timeout=SECONDS,
            umask=0o022,
        )
        with suppress(OSError):
            made.rename(folder)
        _tidy(home, time.time())
    finally:
        shutil.rmtree(made, ignore_errors=True)
