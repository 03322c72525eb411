"""MathJax 3.2.2 inside Python: the reader of the published page decides what is a valid formula.

No Node and no network: mini-racer runs MathJax's own files, which the package ``django-static-mathjax``
ships. The packages are those of the page (base, ams, newcommand, boldsymbol, configmacros, ``tags: 'ams'``)
and those it would fetch when they are used; ``textmacros`` stays out, because it makes an error of every ``\\text{batch_size}``.

Macros, labels and the equation counter live in a document. A page is therefore read in order, inline formulas
too, in one fresh document; the isolate that holds MathJax itself is kept.
"""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from py_mini_racer import MiniRacer

Tex = tuple[str, bool]
"""A formula as MathJax gets it: TeX without its dollars, and whether it is displayed."""

PACKAGES = ("ams", "newcommand", "boldsymbol", "configmacros")
AUTOLOADED = (
    *("enclose", "action", "amscd", "bbox", "braket", "cancel", "centernot", "color", "extpfeil"),
    *("gensymb", "html", "mhchem", "unicode", "upgreek", "verb"),
)
"""What MathJax's autoloader fetches when a page uses ``\\color``, ``\\cancel`` and their like; ``enclose`` goes
before ``cancel``, which needs it."""
LONGEST = 20_000
"""Characters; a longer formula is reported instead of read (MathJax needs about 20 µs a character)."""
SECONDS = 20.0
"""For the formulas of one page; when they need longer they are read again one by one."""
SECONDS_EACH = 3.0
SECONDS_PARTING = 30.0
"""For an interrupted call to report back before its isolate goes; on a busy machine that is late."""
MEMORY = 768 * 2**20
"""Bytes of the isolate's heap, above which V8 gives up."""
PATIENCE = 4
"""So many formulas of a page may exceed their time before the rest is left unread."""

_SETUP = r"""
var TeX = MathJax._.input.tex_ts.TeX;
MathJax._.handlers.html_ts.RegisterHTMLHandler(MathJax._.adaptors.liteAdaptor.liteAdaptor());
var COMPILED = MathJax._.core.MathItem.STATE.COMPILED, page;
function fresh() {
  page = MathJax._.mathjax.mathjax.document('', {InputJax: new TeX({
    packages: PACKAGES, tags: 'ams', maxMacros: 1000,
    formatError: function (jax, error) { throw Error(error.message) }})});
  return 0;
}
function read(tex, display) {
  try { page.convert(tex, {display: display, end: COMPILED}); return '' }
  catch (error) { return String(error.message || error) }
}
function readAll(formulas) {
  return JSON.stringify(formulas.map(function (formula) { return read(formula[0], formula[1]) }));
}
0
"""


class Unread(Exception):
    """The engine could not read a page: time, memory, or no engine. The verdict is then *undecided*."""


class Engine:
    """One MathJax. Calls may come from any thread; they wait for each other."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._js: MiniRacer | None = None

    def read(self, formulas: Sequence[Tex], prelude: Sequence[str] = ()) -> tuple[str, ...]:
        """What MathJax says about each formula, read in order in a fresh document; ``""`` for a valid one.

        The formulas of ``prelude`` go first and are not reported: they stand for the rest of the page.
        Raises :class:`Unread`.
        """
        page = [*((tex, True) for tex in prelude), *formulas]
        bounded = [("", display) if len(tex) > LONGEST else (tex, display) for tex, display in page]
        with self._lock:
            try:
                messages = self._all(bounded, SECONDS)
            except Unread:
                messages = self._one_by_one(bounded)
        return tuple(
            f"longer than {LONGEST} characters" if len(tex) > LONGEST else message
            for (tex, _), message in zip(page, messages, strict=True)
        )[len(prelude) :]

    def close(self) -> None:
        """Let go of the isolate and its thread; the next call would start anew."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        js, self._js = self._js, None
        if js is not None:
            with suppress(Exception):
                # A call that was interrupted still reports back; wait for that before the listener goes.
                js.eval("0", timeout_sec=SECONDS_PARTING)
            with suppress(Exception):
                js.close()

    def _all(self, formulas: Sequence[Tex], seconds: float) -> tuple[str, ...]:
        self._call("fresh", seconds=seconds)
        return tuple(json.loads(self._call("readAll", list(formulas), seconds=seconds)))

    def _one_by_one(self, formulas: Sequence[Tex]) -> tuple[str, ...]:
        self._call("fresh", seconds=SECONDS_EACH)
        messages: list[str] = []
        good: list[Tex] = []
        for tex, display in formulas:
            try:
                messages.append(self._call("read", tex, display, seconds=SECONDS_EACH))
                good.append((tex, display))
            except Unread:
                messages.append(f"takes more than {SECONDS_EACH:g} s or too much memory to read")
                if len(messages) - len(good) > PATIENCE:
                    raise Unread(
                        f"more than {PATIENCE} formulas exceed the limits of time or memory"
                    ) from None
                # The isolate is new, so the macros and labels seen so far are read into it again.
                self._all(good, SECONDS)
        return tuple(messages)

    def _call(self, function: str, *arguments: Any, seconds: float) -> Any:
        try:
            with _translated():
                if self._js is None:
                    self._js = _load()
                return self._js.call(function, *arguments, timeout_sec=seconds)
        except Unread:
            # An isolate that was interrupted, or ran out of memory, is not trusted again.
            self._drop()
            raise


def read(formulas: Sequence[Tex], prelude: Sequence[str] = ()) -> tuple[str, ...]:
    """:meth:`Engine.read` on this process's engine; the same page asked for again costs nothing."""
    return _read(tuple(formulas), tuple(prelude), os.getpid())


@lru_cache(maxsize=32)
def _read(formulas: tuple[Tex, ...], prelude: tuple[str, ...], process: int) -> tuple[str, ...]:
    return _engine(process).read(formulas, prelude)


@cache
def _engine(process: int) -> Engine:
    """One per process: after a fork the parent's V8 threads are gone, so its engine cannot be used."""
    engine = Engine()
    # Left to the interpreter's end, the isolate would wait for a thread that is already frozen, for ever.
    atexit.register(engine.close)
    return engine


def _load() -> MiniRacer:
    from importlib.resources import files

    from py_mini_racer import MiniRacer

    es5 = files("mathjax") / "static" / "mathjax" / "es5"
    names = ["core.js", "adaptors/liteDOM.js", "input/tex-base.js"]
    js = MiniRacer()
    try:
        js.set_hard_memory_limit(MEMORY)
        js.eval("var MathJax = {version: '3.2.2'}; var self = globalThis, global = globalThis;")
        for name in names + [f"input/tex/extensions/{package}.js" for package in (*PACKAGES, *AUTOLOADED)]:
            js.eval((es5 / name).read_text(encoding="utf-8") + "\n;0")
        js.eval(f"var PACKAGES = {json.dumps(['base', *PACKAGES, *AUTOLOADED])};" + _SETUP)
    except BaseException:
        js.close()
        raise
    return js


@contextmanager
def _translated() -> Iterator[None]:
    try:
        from py_mini_racer import JSEvalException, JSOOMException, JSTimeoutException, LibNotFoundError
    except (ImportError, OSError) as error:
        raise Unread(f"MathJax cannot be loaded: {error}") from error
    try:
        yield
    except JSTimeoutException as error:
        raise Unread("MathJax ran out of time") from error
    except JSOOMException as error:
        raise Unread("MathJax ran out of memory") from error
    except (JSEvalException, LibNotFoundError, ImportError, OSError) as error:
        raise Unread(f"MathJax failed: {str(error)[:200]}") from error
