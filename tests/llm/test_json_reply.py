"""JSON out of what models really send, and reasons that help them to send it better."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import Malformed
from agent.llm import json_parser, parse_json

SCHEMA = {
    "type": "object",
    "properties": {
        "sections": {
            "type": "array",
            "items": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
        }
    },
    "required": ["sections"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, 2]}',
        '  \n{"a": [1, 2]}\n\n',
        '\ufeff{"a": [1, 2]}',
        '```json\n{"a": [1, 2]}\n```',
        '```\n{"a": [1, 2]}\n```',
        '这是提纲：\n\n```json\n{"a": [1, 2]}\n```\n\n希望有用。',
        '好的。{"a": [1, 2]} 以上。',
        '{"a": [1, 2]}\n\n以上是提纲。',
        'Here [as you asked] it is: {"a": [1, 2]}',
    ],
)
def test_what_stands_around_is_tolerated(text: str) -> None:
    assert parse_json(text) == {"a": [1, 2]}


def test_a_fence_inside_a_string_is_text() -> None:
    value = {"code": "```python\nprint(1)\n```", "more": "{x}"}
    assert parse_json(json.dumps(value)) == value
    assert parse_json("好：\n" + json.dumps(value, indent=1) + "\n完") == value


def test_raw_line_breaks_in_strings_are_read() -> None:
    assert parse_json('{"a": "一\n二"}') == {"a": "一\n二"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no JSON value"),
        ("我做不到", "holds no JSON value"),
        ('{"a": 1', "not JSON: .* at line 1, column"),
        ('{"a": 1,}', "not JSON"),
        (
            '{\n "a": "\\alpha"\n}',
            r"not JSON: Invalid \\escape.* at line 2.*backslash of TeX is written twice",
        ),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ('{"a": [1, 2}', "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "digits"),
        ('{"a": 1e999}', "1e999 is too large"),
    ],
)
def test_reasons(text: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_json(text)


@pytest.mark.parametrize(
    "tex", ["\\theta", "\\beta", "\\frac{1}{2}", "\\rho", "\\tau", "\\bm{x}", "\\nabla f", "a \\neq b"]
)
def test_a_lone_backslash_before_tex(tex: str) -> None:
    text = '{"facts": [{"tex": "x = ' + tex + '"}]}'
    with pytest.raises(Malformed, match=r"\$\.facts\[0\]\.tex: control character in .*twice"):
        parse_json(text)
    good = json.dumps({"facts": [{"tex": f"x = {tex}"}]})
    assert parse_json(good) == {"facts": [{"tex": f"x = {tex}"}]}


def test_tabs_that_mean_tabs_pass() -> None:
    # In code a tab stands at a line's start or before no letter.
    assert parse_json('{"a": "x\\t= 1"}') == {"a": "x\t= 1"}
    assert parse_json('{"a": "一\\n二\\r\\n三"}')["a"] == "一\n二\r\n三"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, r"\$: 'sections' is a required property"),
        ({"sections": [{"id": "a"}, {"id": 3}]}, r"\$\.sections\[1\]\.id: 3 is not of type 'string'"),
        ({"sections": [{}]}, r"\$\.sections\[0\]: 'id' is a required property"),
        ({"sections": [], "x": 1}, r"\$: Additional properties .*'x'"),
        ([], r"\$: \[\] is not of type 'object'"),
    ],
)
def test_violations_name_their_path(value: object, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_json(json.dumps(value), SCHEMA)


def test_many_violations_are_cut_short() -> None:
    with pytest.raises(Malformed, match=r"; and 15 more$"):
        parse_json(json.dumps({"sections": [{}] * 20}), SCHEMA)


def test_json_parser_builds() -> None:
    parse = json_parser(SCHEMA, lambda value: [s["id"] for s in value["sections"]])
    assert parse('{"sections": [{"id": "a"}]}') == ["a"]
    with pytest.raises(Malformed):
        parse('{"sections": 1}')


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(TEXT, VALUES, max_size=4),
    st.sampled_from(["{}", "好的：\n{}", "```json\n{}\n```", "{}\n完。"]),
)
def test_any_object_comes_through(value: object, frame: str) -> None:
    assert parse_json(frame.replace("{}", json.dumps(value, ensure_ascii=False))) == value


@given(st.text())
def test_any_text_is_a_value_or_malformed(text: str) -> None:
    with suppress(Malformed):
        parse_json(text)
