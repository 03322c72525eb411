"""Every exception of the openai SDK has its place in our tree."""

from __future__ import annotations

import inspect

import pytest

from agent.errors import ModelError
from agent.llm.openai_errors import TABLE, translate


def exceptions() -> dict[str, type[Exception]]:
    """All that the SDK's own file defines or its package shows, and what is derived from them once the part
    that we use is loaded."""
    import openai
    import openai._exceptions
    import openai.resources.chat.completions

    found = {
        item
        for space in (vars(openai._exceptions), {name: getattr(openai, name) for name in openai.__all__})
        for item in space.values()
        if inspect.isclass(item) and issubclass(item, Exception) and item.__module__.startswith("openai")
    }
    stack = [openai.OpenAIError]
    while stack:
        kind = stack.pop()
        # The package's guards against its own misuse (module-level client, extras) are not raised by a
        # client.
        if kind.__module__.endswith("._exceptions"):
            found.add(kind)
        stack.extend(kind.__subclasses__())
    return {kind.__name__: kind for kind in found}


def test_every_exception_of_the_sdk_is_mapped() -> None:
    names = set(exceptions())
    assert len(names) > 15
    assert names == set(TABLE), "the SDK has changed: give each new exception its place in the table"


@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_is_translated(name: str) -> None:
    kind = exceptions()[name]
    # Their constructors all differ, and translate must cope with fields that are missing.
    error = kind.__new__(kind)
    Exception.__init__(error, "words")
    translated = translate(error, secrets=(), now=lambda: 0.0)
    assert type(translated) is TABLE[name]
    assert isinstance(translated, ModelError)


def test_a_mistake_of_ours_is_not_hidden() -> None:
    assert translate(KeyError("x"), secrets=(), now=lambda: 0.0) is None
    assert translate(AttributeError("x"), secrets=(), now=lambda: 0.0) is None
