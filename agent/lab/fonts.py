"""Matplotlib's list of fonts, made once: finding them anew takes every fresh sandbox a second or more."""

from __future__ import annotations

from pathlib import Path

from agent.lab.sandbox import Limits, Sandbox
from agent.lab.sandbox.system import python_argv

FOLDER = ".matplotlib"
MAKE = f"""
import os
os.environ["MPLCONFIGDIR"] = os.path.join(os.getcwd(), {FOLDER!r})
import matplotlib.font_manager
"""


def font_list(sandbox: Sandbox, cache: Path, tools: str) -> dict[str, bytes]:
    """The list as a file for an experiment's folder, from ``cache`` or made in a run of its own; may be empty.

    It is made by our code alone and never taken from a run of generated code, which could have forged it.
    ``tools`` names the versions that it belongs to.
    """
    kept = cache / f"fonts-{tools}"
    try:
        return {f"{FOLDER}/{path.name}": path.read_bytes() for path in sorted(kept.iterdir())}
    except OSError:
        pass
    outcome = sandbox.run(python_argv(MAKE), limits=Limits(wall=120.0))
    found = {name: data for name, data in outcome.files.items() if name.startswith(f"{FOLDER}/fontlist")}
    if outcome.ok and found:
        from agent.lab.cache import write_whole

        kept.mkdir(parents=True, exist_ok=True)
        for name, data in found.items():
            write_whole(kept / Path(name).name, data)
    return found
