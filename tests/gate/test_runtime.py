"""With which runtime each side was measured, and is timed now."""

from __future__ import annotations

from typing import Any

from slimbench.gate.cases import Pair
from slimbench.gate.runtime import Runtimes
from slimbench.history.record import History
from tests.gate import runs

PACKAGE = "ai-edge-litert"
REFERENCE_KERNELS = {"op_resolver": "BUILTIN_REF"}


def measured_with(version: str | None, **values: Any) -> dict[str, Any]:
    made = runs.change(runs.run(), **values)
    if version is None:
        del made["slimbench"]["versions"][PACKAGE]
    else:
        made["slimbench"]["versions"][PACKAGE] = version
    return made


def case(before: dict[str, Any], after: dict[str, Any]) -> tuple[Pair, History, History]:
    return runs.pair(before, after), runs.side(before), runs.side(after)


def timed_with(baseline: str, candidate: str, *, apart: bool = False) -> Runtimes:
    return Runtimes({PACKAGE: baseline}, {PACKAGE: candidate}, apart)


OLD, NEW = measured_with("2.2.0"), measured_with("2.3.0")


def test_one_runtime_for_all_is_nothing_to_speak_of() -> None:
    pair, *sides = case(NEW, NEW)
    here = timed_with("2.3.0", "2.3.0")
    assert here.why_not(pair, *sides) == ""
    assert here.headline([pair]) == ()


def test_a_changed_runtime_keeps_latency_from_being_judged_and_says_the_way_out() -> None:
    said = timed_with("2.3.0", "2.3.0").why_not(*case(OLD, NEW))
    assert said == (
        "Runtime changed: the baseline was measured with ai-edge-litert 2.2.0, here is 2.3.0. "
        "Files are judged, not runtimes, so latency is not; --runtime-baseline ENV, with "
        "ai-edge-litert==2.2.0 in it, times each side with its own."
    )


def test_a_candidate_of_another_runtime_than_this_is_not_judged_either() -> None:
    said = timed_with("2.2.0", "2.2.0").why_not(*case(OLD, NEW))
    assert "the candidate was measured with ai-edge-litert 2.3.0, here is 2.2.0" in said
    assert "run the gate where ai-edge-litert==2.3.0 is installed" in said


def test_each_side_with_its_own_runtime_is_judged_and_both_are_named_first() -> None:
    pair, *sides = case(OLD, NEW)
    apart = timed_with("2.2.0", "2.3.0", apart=True)
    assert apart.why_not(pair, *sides) == ""
    assert apart.headline([pair, pair]) == (
        "Runtime changed, each side in its own environment: ai-edge-litert 2.2.0 | 2.3.0.",
    )
    assert not apart.same(pair)


def test_two_environments_that_are_alike_are_not_called_a_change() -> None:
    pair, *_ = case(NEW, NEW)
    apart = timed_with("2.3.0", "2.3.0", apart=True)
    assert apart.headline([pair]) == (
        "Each side in its own environment: ai-edge-litert 2.3.0 | 2.3.0.",
    )
    assert apart.same(pair)


def test_an_environment_that_is_not_the_baseline_s_says_what_to_install_there() -> None:
    said = timed_with("2.1.0", "2.3.0", apart=True).why_not(*case(OLD, NEW))
    assert "measured with ai-edge-litert 2.2.0, its environment has 2.1.0" in said
    assert said.endswith("install ai-edge-litert==2.2.0 in that environment.")


def test_a_run_that_does_not_say_its_runtime_is_not_judged() -> None:
    unknown = measured_with(None)
    for runtimes in (timed_with("2.3.0", "2.3.0"), Runtimes({}, {})):
        assert "of a version that it does not say" in runtimes.why_not(*case(unknown, NEW))


def test_an_engine_that_nobody_knows_is_not_judged() -> None:
    made = runs.change(runs.run(), engine="homemade")
    side = runs.side(made)
    pair = Pair(side.entries[0], side.entries[0])
    assert "which package runs homemade is not known" in Runtimes({}, {}).why_not(pair, side, side)


def test_changed_options_are_a_changed_runtime_and_told_with_it() -> None:
    plain = measured_with("2.3.0", runtime_options={})
    told = measured_with("2.3.0", runtime_options=REFERENCE_KERNELS)
    pair, *sides = case(plain, told)
    assert timed_with("2.3.0", "2.3.0").why_not(pair, *sides) == (
        "Runtime changed: the baseline was measured with litert's default options, the candidate "
        "with its options op_resolver=BUILTIN_REF. Files are judged, not runtimes, so latency is "
        "not; --runtime-baseline ENV, with ai-edge-litert==2.3.0 in it, times each side with its "
        "own."
    )
    apart = timed_with("2.3.0", "2.3.0", apart=True)
    assert apart.why_not(pair, *sides) == ""
    assert apart.headline([pair]) == (
        "Runtime changed, each side in its own environment: ai-edge-litert 2.3.0 "
        "(default options) | 2.3.0 (options op_resolver=BUILTIN_REF).",
    )


def test_a_run_that_recorded_no_options_had_the_default_ones() -> None:
    assert "runtime_options" not in NEW["benchmarks"][0]["extra_info"]
    pair, *sides = case(NEW, measured_with("2.3.0", runtime_options={}))
    assert timed_with("2.3.0", "2.3.0").why_not(pair, *sides) == ""
    told = measured_with("2.3.0", runtime_options=REFERENCE_KERNELS)
    assert timed_with("2.3.0", "2.3.0").why_not(*case(NEW, told))
    assert not timed_with("2.3.0", "2.3.0").why_not(*case(told, told))
