"""Variants that cannot be had here are skipped and named; a build that fails is an error."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.end_to_end.plugins.unobtainable import BROKEN, OTHER, REFERENCE, WEIGHTS
from tests.end_to_end.suite import Suite, cases

REASON = "its weights are on no disk here"


@pytest.fixture
def odd(suite: Suite) -> Suite:
    return replace(suite, plugins=("unobtainable",))


def test_a_missing_variant_is_skipped_and_listed(odd: Suite) -> None:
    done = odd.run(profile="lacking")
    assert done.status == 0, done.out
    assert re.search("3 passed, 3 skipped", done.out)
    assert "Missing, could not be had here:" in done.out
    assert f"{WEIGHTS}: {REASON}" in done.out
    own = odd.history()["slimbench"]
    assert own["missing"] == [{"variant": WEIGHTS, "reason": REASON}]
    assert own["status"] == "complete"
    assert list(cases(odd.history())) == [REFERENCE]


def test_without_its_reference_a_variant_has_no_ratios(odd: Suite) -> None:
    done = odd.run(profile="headless")
    assert done.status == 0, done.out
    info = cases(odd.history())[OTHER]
    for key in ("speedup", "size_ratio", "accuracy_drop"):
        assert info[key] is None
        assert WEIGHTS in info["reasons"][key]
        assert REASON in info["reasons"][key]
    assert info["accuracy_top1"] > 0.9
    assert REASON in done.out


def test_a_failed_build_is_an_error_and_the_rest_is_measured(odd: Suite) -> None:
    done = odd.run(profile="broken")
    assert done.status == 1
    assert re.search("3 passed, 3 errors", done.out)
    assert f"{BROKEN} could not be built: RuntimeError: the wheels came off (log: " in done.out
    assert "Traceback" not in done.out
    own = odd.history()["slimbench"]
    assert own["status"] == "partial"
    assert own["missing"] == []
    assert list(cases(odd.history())) == [REFERENCE]


def test_if_nothing_remains_the_status_is_4(odd: Suite) -> None:
    done = odd.run(profile="nothing")
    assert done.status == 4
    assert re.search("3 skipped", done.out)
    assert f"{WEIGHTS}: {REASON}" in done.out
    assert "no history is saved" in done.out
    assert not odd.results.exists()


def test_if_nothing_remains_for_a_failure_that_is_an_error(odd: Suite) -> None:
    done = odd.run(profile="hopeless")
    assert done.status == 1
    assert re.search("3 skipped, 3 errors", done.out)
    assert not odd.results.exists()
