"""A test that was left out is told from one that passed."""

from __future__ import annotations

import pytest

from tests.needs import REQUIRE, missing, required


def test_what_is_missing_is_left_out_or_fails() -> None:
    with pytest.raises(pytest.skip.Exception, match="no chromium"):
        missing("browser", "no chromium", {})
    with pytest.raises(pytest.skip.Exception, match="no chromium"):
        missing("browser", "no chromium", {REQUIRE: "sandbox"})
    with pytest.raises(pytest.fail.Exception, match="asks for a browser: no chromium"):
        missing("browser", "no chromium", {REQUIRE: "sandbox, browser"})


def test_a_word_that_stands_for_nothing_is_no_requirement_kept() -> None:
    with pytest.raises(pytest.UsageError, match="sandbx"):
        required({REQUIRE: "sandbx"})
