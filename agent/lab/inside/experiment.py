"""Runs one experiment inside the sandbox: fixed seeds, fonts that show Chinese, results handed back typed.

The program finds ``emit``, ``table``, ``figure``, ``sweep`` and ``correlate`` predefined. Each call appends
one JSON line to the results file at once, so that a run stopped half-way still shows how far it came.
"""

from __future__ import annotations

import ast
import builtins
import json
import linecache
import math
import os
import random
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

RESULTS = "_results.jsonl"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Serif CJK SC",
    "Noto Serif CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "SimHei",
    "Microsoft YaHei",
    "PingFang SC",
)
SEED = 0


def plain(value: Any) -> Any:
    """A JSON value for a number, a text or a nest of them; numpy scalars and arrays become Python's own."""
    if hasattr(value, "tolist") and not isinstance(value, str):
        value = value.tolist()
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"nonfinite": repr(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    try:
        return plain(float(value))
    except (TypeError, ValueError):
        return str(value)


class Recorder:
    """The functions an experiment calls. Results go to ``stream`` as JSON lines."""

    def __init__(self, stream: Any, deadline: float = math.inf) -> None:
        self._stream = stream
        self._deadline = deadline
        self._scaled = False

    def _put(self, kind: str, name: Any, **fields: Any) -> None:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(f"{kind}: a name is at most 80 letters, digits and underscores, got {name!r}")
        line = json.dumps({"kind": kind, "name": name, **fields}, ensure_ascii=False, allow_nan=False)
        self._stream.write(line + "\n")
        self._stream.flush()

    def emit(self, name: str, value: Any = None, unit: str = "", *, runs: Any = None) -> None:
        """Hand over a number. ``runs``: the values of single seeds; the value is their mean unless given."""
        single = None if runs is None else [float(item) for item in plain(runs)]
        if single is not None and not single:
            raise ValueError(f"emit({name!r}): runs is empty")
        if value is None:
            if single is None:
                raise ValueError(f"emit({name!r}): a value or runs=… is needed")
            value = math.fsum(single) / len(single)
        clean = plain(value)
        if isinstance(clean, list) and len(clean) == 1:
            clean = clean[0]
        if isinstance(clean, list | dict) and "nonfinite" not in clean:
            raise TypeError(f"emit({name!r}): one number or text at a time; use table() for more")
        self._put("value", name, value=clean, unit=str(unit), runs=plain(single))

    def table(self, name: str, columns: Sequence[str], rows: Any) -> None:
        """Hand over a table: column names and rows of numbers or texts."""
        head = [str(column) for column in columns]
        body = [list(row) if isinstance(row, list) else [row] for row in plain(rows)]
        for row in body:
            if len(row) != len(head):
                raise ValueError(f"table({name!r}): {len(head)} columns, but a row of {len(row)}")
        self._put("table", name, columns=head, rows=body)

    def figure(self, name: str, fig: Any = None) -> None:
        """Hand over the current figure (or ``fig``) as ``name.png`` and close it."""
        import matplotlib.pyplot as plt

        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(f"figure: a name is at most 80 letters, digits and underscores, got {name!r}")
        if fig is None and not plt.get_fignums():
            raise ValueError(f"figure({name!r}): nothing has been drawn")
        chosen = fig if fig is not None else plt.gcf()
        chosen.savefig(f"{name}.png", metadata={"Software": None})
        titles = [axes.get_title() or axes.get_ylabel() for axes in chosen.axes]
        bare = unnamed_axes(chosen)
        plt.close(chosen)
        self._put("figure", name, file=f"{name}.png", about=[text for text in titles if text])
        if bare:
            self._put("note", "axes", text=f"figure {name}: no name on the {bare} axis")

    def sweep(self, name: str, grid: Any, scores: Any, *, better: str = "min", method: str = "") -> Any:
        """Declare a search over settings; returns the best setting.

        ``scores`` has one number a setting, or one row of single seeds. ``better``: "min" or "max".
        ``method``: which method was tuned; several sweeps of one ``name`` are compared for fairness.
        """
        if better not in ("min", "max"):
            raise ValueError(f"sweep({name!r}): better is 'min' or 'max'")
        settings, raw = plain(list(grid)), plain(list(scores))
        if len(settings) != len(raw) or not settings:
            raise ValueError(f"sweep({name!r}): {len(settings)} settings, {len(raw)} scores")
        means = [_mean(item) for item in raw]
        known = [index for index, item in enumerate(means) if item is not None]
        if not known:
            raise ValueError(f"sweep({name!r}): no finite score")
        pick = min if better == "min" else max
        best = pick(known, key=lambda index: means[index] or 0.0)
        self._put("sweep", name, grid=settings, scores=raw, better=better, method=str(method), best=best)
        return list(grid)[best]

    def correlate(self, name: str, x: Any, y: Any, *, groups: Any = None) -> float:
        """Pearson correlation of two lists, also handed over; ``groups`` names the cluster of each point."""
        a, b = [float(v) for v in plain(x)], [float(v) for v in plain(y)]
        labels = None if groups is None else [str(item) for item in plain(groups)]
        if len(a) != len(b) or len(a) < 3 or (labels is not None and len(labels) != len(a)):
            raise ValueError(f"correlate({name!r}): needs at least three pairs of equal length")
        import numpy as np

        centred = [np.asarray(side) - np.mean(side) for side in (a, b)]
        r = float(centred[0] @ centred[1] / np.sqrt((centred[0] @ centred[0]) * (centred[1] @ centred[1])))
        self._put("value", name, value=plain(r), unit="", runs=None)
        self._put("correlation", name, x=a, y=b, groups=labels)
        return r

    def seconds_left(self) -> float:
        """Seconds until the limit, for a program that scales its work to the time there is; recorded once."""
        if not self._scaled:
            self._scaled = True
            self._put("note", "time", text="the program scales its work to the time limit")
        return max(0.0, self._deadline - time.monotonic())


def unnamed_axes(figure: Any) -> str:
    """ "x", "y" or "x and y": axes with data that bear no name, neither their own nor one they share."""
    drawn = [a for a in figure.axes if a.axison and a.has_data() and not hasattr(a, "_colorbar")]

    def named(side: str) -> bool:
        if getattr(figure, f"get_sup{side}label")():
            return True
        return all(
            any(
                getattr(b, f"get_{side}label")()
                for b in getattr(a, f"get_shared_{side}_axes")().get_siblings(a)
            )
            for a in drawn
        )

    return " and ".join(side for side in ("x", "y") if not named(side))


def _mean(item: Any) -> float | None:
    values = item if isinstance(item, list) else [item]
    numbers = [v for v in values if isinstance(v, int | float)]
    return math.fsum(numbers) / len(numbers) if len(numbers) == len(values) and numbers else None


def fix_seeds(names: set[str]) -> None:
    """Make the global generators, and generators asked for without a seed, start from fixed states."""
    random.seed(SEED)
    if names & {"numpy", "scipy", "sklearn", "matplotlib", "torch"}:
        import numpy as np

        np.random.seed(SEED)
        original = np.random.default_rng
        count = iter(range(1, 1 << 30))

        def default_rng(seed: Any = None) -> Any:
            return original([SEED, next(count)] if seed is None else seed)

        np.random.default_rng = default_rng
    if "torch" in names:
        import torch  # type: ignore[import-not-found, unused-ignore]

        torch.manual_seed(SEED)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True, warn_only=True)


def watch_correlations(names: set[str], record: Callable[..., None]) -> None:
    """Keep the points of correlations that a program computes by itself."""
    count = iter(range(1, 1 << 30))

    def note(x: Any, y: Any) -> None:
        a, b = plain(x), plain(y)
        flat = isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and 6 <= len(a) <= 5000
        if flat and all(isinstance(v, int | float) for v in (*a, *b)):
            record("correlation", f"corrcoef_{next(count)}", x=a, y=b, groups=None)

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
            if y is not None:
                note(x, y)
            return original(x, *args, **kwargs) if y is None else original(x, y, *args, **kwargs)

        return call

    if "numpy" in names:
        import numpy as np

        np.corrcoef = watched(np.corrcoef)
    if "scipy" in names:
        import scipy.stats as stats

        stats.pearsonr = watched(stats.pearsonr)


def prepare_plots(record: Callable[..., None]) -> None:
    """Chinese in figures, one look for all, and no window."""
    import matplotlib
    from matplotlib import font_manager

    matplotlib.use("Agg")
    present = {entry.name for entry in font_manager.fontManager.ttflist}
    chinese = [font for font in FONTS if font in present]
    if not chinese:
        record("note", "fonts", text="no font here shows Chinese: figures will hold empty boxes")
    matplotlib.rcParams.update(
        {
            "font.family": "sans-serif",
            "font.sans-serif": [*chinese, "DejaVu Sans"],
            "axes.unicode_minus": False,
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "savefig.bbox": "tight",
            "axes.grid": True,
            "grid.alpha": 0.3,
            "font.size": 10,
            "svg.hashsalt": "expand",
        }
    )


def imports(source: str) -> set[str]:
    """Top-level names of the modules a program imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def main(path: str, shown: str, wall: float = math.inf) -> int:
    """Run the program in ``path``; tracebacks name it ``shown``. Returns the exit code."""
    deadline = time.monotonic() + wall
    # a list of fonts may have been laid there
    os.environ["MPLCONFIGDIR"] = os.path.join(os.getcwd(), ".matplotlib")
    with open(path, encoding="utf-8") as stream:
        source = stream.read()
    linecache.cache[shown] = (len(source), None, source.splitlines(keepends=True), shown)
    with open(RESULTS, "w", encoding="utf-8") as results:
        recorder = Recorder(results, deadline)
        try:
            code = compile(source, shown, "exec")
            names = imports(source)
            fix_seeds(names)
            asked = {name for name, word in (("numpy", "corrcoef"), ("scipy", "pearsonr")) if word in source}
            watch_correlations(names & asked, recorder._put)
            if "matplotlib" in names or "figure(" in source:
                prepare_plots(recorder._put)
            scope = {"__name__": "__main__", "__file__": shown, "__builtins__": builtins}
            for name in ("emit", "table", "figure", "sweep", "correlate", "seconds_left"):
                scope[name] = getattr(recorder, name)
            sys.argv = [shown]
            exec(code, scope)
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except BaseException as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_frame.f_code.co_filename != shown:
                trace = trace.tb_next
            sys.stdout.flush()
            traceback.print_exception(type(error), error, trace)
            return 1
        _left_open(recorder)
    return 0


def _left_open(recorder: Recorder) -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and pyplot.get_fignums():
        count = len(pyplot.get_fignums())
        recorder._put("note", "figures", text=f"{count} figure(s) drawn but not handed over with figure()")


def entry() -> None:
    """Called by the boot line: never lets buffered output be lost when the interpreter is torn down."""
    code = main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
