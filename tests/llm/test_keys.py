"""The ledger key: what is inside its contract, and what is not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.llm import key_of, prompt_hash
from agent.llm.keys import canonical
from agent.records import Call, Message

CALL = Call(
    "a/b",
    "openai:m",
    (Message("user", "梯度 θ"),),
    {"max_tokens": 10, "temperature": 0.5},
    {"type": "object"},
    1,
)


def test_the_contract_is_fixed() -> None:
    # Written out by hand after the docstring: if this changes, every ledger in the world loses its rows.
    text = (
        '{"attempt":1,"messages":[{"content":"梯度 θ","role":"user"}],"model":"openai:m",'
        '"params":{"max_tokens":10,"temperature":0.5},"schema":{"type":"object"}}'
    )
    import hashlib

    assert key_of(CALL) == "c1:" + hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        replace(CALL, model="openai:m@127.0.0.1:8000/v1"),
        replace(CALL, messages=(Message("user", "梯度 θ "),)),
        replace(CALL, messages=(Message("system", "梯度 θ"),)),
        replace(CALL, params={"max_tokens": 11, "temperature": 0.5}),
        replace(CALL, schema=None),
        replace(CALL, attempt=2),
    ],
)
def test_what_shapes_the_answer_is_inside(other: Call) -> None:
    assert key_of(other) != key_of(CALL)


def test_name_and_order_of_params_are_not() -> None:
    assert key_of(replace(CALL, name="c/d")) == key_of(CALL)
    assert key_of(replace(CALL, params={"temperature": 0.5, "max_tokens": 10})) == key_of(CALL)


def test_prompt_hash_leaves_out_who_is_asked_and_how_often() -> None:
    assert prompt_hash(replace(CALL, model="replay", attempt=0)) == prompt_hash(CALL)
    assert prompt_hash(replace(CALL, messages=(Message("user", "别的"),))) != prompt_hash(CALL)


def test_no_value_beyond_json() -> None:
    with pytest.raises(ValueError):
        key_of(replace(CALL, params={"temperature": float("nan")}))
    with pytest.raises(TypeError):
        key_of(replace(CALL, params={"stop": {"a"}}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_canonical_survives_a_round_trip(value: object) -> None:
    import json

    assert canonical(json.loads(canonical(value))) == canonical(value)
