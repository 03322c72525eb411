"""Name analysis of code blocks: only names that are surely unbound are unbound."""

from __future__ import annotations

import ast
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checks import python


def unbound(code: str) -> set[str]:
    program = python.read(code)
    assert isinstance(program, python.Program), program
    return {
        use.name for use in program.uses if use.name not in program.binds and use.name not in python.GIVEN
    }


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\nx = np.zeros(3)",
        "import os.path\nos.path.join('a', 'b')",
        "def f(a, *b, c=1, **d):\n    return a, b, c, d",
        "def f():\n    global g\n    g = 1\ndef h():\n    return g",
        "class A:\n    x = 1\n    y = x + 1\n    @property\n    def z(self):\n        return 1\n"
        "    @z.setter\n    def z(self, v):\n        super().__init__()",
        "[y for x in range(3) for y in range(x)]",
        "if (n := 3) > 2:\n    print(n)",
        "print([m := i for i in range(3)], m)",
        "try:\n    1/0\nexcept ZeroDivisionError as e:\n    print(e)",
        "with open('f') as fh:\n    fh.read()",
        "for i, (a, *b) in enumerate([]):\n    print(i, a, b)",
        "f = lambda x, y=2: x + y",
        "match 1:\n    case [a, *b]:\n        print(a, b)\n    case {'k': v, **rest}:\n        print(v, rest)",
        "def outer():\n    x = 1\n    def inner():\n        nonlocal x\n        x += 1\n        return x\n    return inner",
        "x: int = 3\ndef f(a: 'Unknown') -> 'Unknown':\n    return x",
        "print(__name__, __file__)",
        "await thing() if False else None\ndef thing(): ...",
    ],
)
def test_bound_names_are_left_alone(code: str) -> None:
    assert unbound(code) == set()


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("print(x)", {"x"}),
        ("def f():\n    return torch.zeros(1)", {"torch"}),
        ("class A(nn.Module):\n    pass", {"nn"}),
        ("[z for x in y]", {"z", "y"}),
        ("class A:\n    x = 1\n    def f(self):\n        return x", {"x"}),
        ("def f(a=default):\n    pass", {"default"}),
        ("x += 1\nprint(y := x)\nw[0] = 1", {"w"}),
    ],
)
def test_unbound_names_are_found(code: str, names: set[str]) -> None:
    assert unbound(code) == names


def test_star_imports_are_told() -> None:
    program = python.read("from numpy import *\nzeros(3)")
    assert isinstance(program, python.Program)
    assert program.star


def test_broken_blocks_have_a_line_and_python_2_is_told() -> None:
    broken = python.read("a = 1\nb = = 2")
    assert isinstance(broken, python.Broken)
    assert (broken.line, broken.python2) == (2, False)
    old = python.read("print 'hello'")
    assert isinstance(old, python.Broken)
    assert old.python2


def test_indented_blocks_are_read() -> None:
    assert unbound("    x = 1\n    print(x)") == set()


def test_sessions_are_no_programs() -> None:
    assert python.is_session(">>> 1 + 1\n2")
    assert python.is_session("!pip install torch\nimport torch")
    assert not python.is_session("x = [1,\n     ...]\n")


MODULES = [ast, python, pytest, sys.modules["json"], sys.modules["dataclasses"], sys.modules["threading"]]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_working_modules_have_no_unbound_names(module: object) -> None:
    import inspect

    source = inspect.getsource(module)  # type: ignore[arg-type]
    program = python.read(source)
    assert isinstance(program, python.Program)
    if not program.star:
        assert unbound(source) <= {"__spec__", "__path__", "__package__", "WindowsError"}


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_exception(code: str) -> None:
    assert isinstance(python.read(code), (python.Program, python.Broken))
