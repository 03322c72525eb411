"""Which parts of this machine a confined program may read: the system, Python and its libraries."""

from __future__ import annotations

import os
import secrets
import site
import sys
from pathlib import Path

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
ETC = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/localtime",
)
LIBRARIES = ("numpy", "scipy", "mpmath", "matplotlib", "sklearn", "torch", "z3")

UID_BASE = 1_200_000_000
"""Far above any account. Each run has its own uid: RLIMIT_NPROC counts per uid over the whole machine."""
UID_SPAN = 500_000_000

INSIDE = Path(__file__).resolve().parent.parent / "inside"
"""Our own code that runs next to the generated one."""


def fresh_uid() -> int:
    """A uid that no other run has at this time, on this machine, but by an unlikely accident."""
    return UID_BASE + secrets.randbelow(UID_SPAN)


def python_folders() -> tuple[Path, ...]:
    """Folders outside the system ones that hold this Python and the libraries experiments may use."""
    wanted = {
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(sys.base_prefix).resolve(),
        Path(os.path.realpath(sys.executable)).parent.parent,
        INSIDE,
        *map(Path, library_paths()),
    }
    kept: list[Path] = []
    for folder in sorted(wanted, key=lambda p: len(p.parts)):
        under = [Path("/usr"), *kept]
        if os.path.isdir(folder) and folder != Path("/") and not any(folder.is_relative_to(p) for p in under):
            kept.append(folder)
    return tuple(kept)


def library_paths() -> list[str]:
    """Entries of sys.path where numpy and its like were found, beyond the interpreter's own (a user site)."""
    usual = [sys.prefix, sys.base_prefix, "/usr"]
    user = site.getusersitepackages() if site.ENABLE_USER_SITE else ""
    return [
        entry
        for entry in sys.path
        if entry
        and (entry == user or any(os.path.isdir(os.path.join(entry, name)) for name in LIBRARIES))
        and not any(Path(entry).is_relative_to(prefix) for prefix in usual)
    ]


def environment(home: str, tmp: str, compiled: Path | None = None) -> dict[str, str]:
    """The whole environment a program sees; one thread a library, so that results do not depend on cores."""
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    )
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": tmp,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": home + "/.matplotlib",
        "LOKY_MAX_CPU_COUNT": "1",
        **({"PYTHONPYCACHEPREFIX": str(compiled)} if compiled else {}),
        **threads,
    }


def python_argv(code: str, *args: str) -> list[str]:
    """An interpreter without the user's environment, with ``inside`` importable, that runs ``code``."""
    paths = [str(INSIDE.parent), *library_paths()]
    boot = f"import sys; sys.path[:0] = {paths!r}; sys.dont_write_bytecode = True\n{code}"
    return [sys.executable, "-s", "-P", "-c", boot, *args]
