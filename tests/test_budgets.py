"""Budgets: every kind can fail, equality passes, and no broken file gets as far as a run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from slimbench.budgets import BudgetError, applicable, judge, kinds, load_budgets
from slimbench.errors import UsageProblem
from slimbench.number_format import apart
from slimbench.paths import suite_file
from slimbench.spec import Budget, Case, Unmeasured
from slimbench.suite.profiles import load_profiles
from tests.examples import examples

KINDS = kinds()
BUDGETS = suite_file("budgets.toml")

VARIANTS = {"digits": ("a_f32", "b_f32"), "photos": ("c_f32",)}
ENGINES = ("litert", "keras")

# Each budget with a limit, the readings that meet it exactly and some that break it.
EDGE: dict[str, tuple[float, Any, Any]] = {
    "size_bytes_max": (1000, 1000, 1001),
    "size_mb_max": (1.5, 1572864, 1572865),
    "size_gzip_bytes_max": (900, 900, 901),
    "size_ratio_max": (0.55, 0.55, 0.61),
    "sparsity_min": (0.49, 0.49, 0.48),
    "sparsity_prunable_min": (0.49, 0.49, 0.0),
    "parameters_max": (100000, 100000, 100001),
    "accuracy_top1_min": (0.93, 0.93, 0.9299),
    "accuracy_drop_max": (0.03, 0.03, 0.031),
    "latency_ratio_max": (0.25, 4.0, 3.9),
    "latency_ms_max": (8.0, {"p50": 8.0, "p90": 99.0}, {"p50": 8.1, "p90": 0.0}),
    "latency_p90_ms_max": (9.0, {"p50": 99.0, "p90": 9.0}, {"p50": 0.0, "p90": 9.1}),
    "init_ms_max": (20.0, 20.0, 20.5),
    "first_invoke_ms_max": (30.0, 30.0, 31.0),
    "peak_rss_mb_max": (600, 600.0, 600.01),
    "serving_throughput_ratio_min": (3, 3.0, 2.9),
    "serving_throughput_locked_ratio_min": (1.5, 1.5, 1.49),
    "serving_right_per_s_min": (500, 500.0, 499.0),
    "serving_rate_per_s_min": (400, 400.0, 399.0),
    "serving_p90_ms_max": (9.0, 9.0, 9.5),
    "serving_wrong_max": (2, 2, 3),
    "serving_failed_max": (2, 2, 3),
    "serving_start_ms_max": (2000, 2000.0, 2001.0),
    "serving_memory_ratio_max": (0.25, 0.25, 0.26),
    "serving_overload_failed_max": (2, 2, 3),
    "serving_livez_p99_ms_max": (100, 100.0, 101.0),
    "serving_recovery_s_max": (5, 5.0, 5.5),
}


def budget(name: str, limit: float, engine: str = "litert", threads: int = 1) -> Budget:
    return Budget("a_f32", engine, threads, name, limit, 1)


def write(folder: Path, text: str) -> Path:
    path = folder / "budgets.toml"
    path.write_bytes(text.encode())
    return path


def load(folder: Path, text: str, profile: str = "digits") -> tuple[Budget, ...]:
    return load_budgets(write(folder, text), profile, VARIANTS, ENGINES)


def test_every_kind_of_budget_is_tried() -> None:
    assert set(EDGE) == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_budget_can_fail(name: str) -> None:
    limit, _, broken = EDGE[name]
    judgement = judge(budget(name, limit), {KINDS[name].metric: broken})
    assert judgement.verdict == "fail"
    side = "over" if name.endswith("_max") else "under"
    assert f"{side} its limit {name} = {limit:g}".replace("e+05", "00000") in judgement.sentence
    assert judgement.sentence.startswith("a_f32: ")
    assert judgement.sentence.endswith((" %).", " points)."))
    assert "\n" not in judgement.sentence


@pytest.mark.parametrize("name", KINDS)
def test_a_value_equal_to_the_limit_passes(name: str) -> None:
    limit, met, _ = EDGE[name]
    judgement = judge(budget(name, limit), {KINDS[name].metric: met})
    assert (judgement.verdict, judgement.value) == ("pass", limit)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("reading", [Unmeasured("No reference."), None])
def test_what_was_not_measured_is_not_judged(name: str, reading: Unmeasured | None) -> None:
    metric = KINDS[name].metric
    readings = {metric: reading, "reasons": {metric: "No reference."}}
    judgement = judge(budget(name, EDGE[name][0]), readings)
    assert (judgement.verdict, judgement.value) == ("not_judged", None)
    assert judgement.sentence.endswith("not known: No reference.")


def test_a_missing_reading_says_so() -> None:
    sentence = judge(budget("size_bytes_max", 1), {}).sentence
    assert sentence.endswith("size_bytes is not known: this run did not measure it.")
    assert judge(budget("size_bytes_max", 1), {"size_bytes": None}).verdict == "not_judged"


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("size_bytes_max", math.nan),
        ("size_bytes_max", True),
        ("size_bytes_max", "12"),
        ("latency_ratio_max", 0.0),
        ("latency_ratio_max", math.inf),
        ("latency_ratio_max", -2.0),
        ("latency_ratio_max", math.nan),
        ("latency_ratio_max", True),
        ("latency_ms_max", 3.0),
        ("latency_ms_max", {"p90": 3.0}),
    ],
)
def test_a_reading_that_is_no_number_is_never_a_verdict(name: str, reading: Any) -> None:
    with pytest.raises(ValueError, match=KINDS[name].metric):
        judge(budget(name, 1), {KINDS[name].metric: reading})


@pytest.mark.parametrize(
    ("name", "limit", "reading", "sentence"),
    [
        (
            "size_ratio_max",
            0.55,
            0.61,
            "a_f32: size_ratio is 0.61, over its limit size_ratio_max = 0.55 by 0.06 (11 %).",
        ),
        (
            "accuracy_top1_min",
            0.93,
            0.918,
            "a_f32: accuracy_top1 is 0.918, under its limit accuracy_top1_min = 0.93 "
            "by 0.012 (1.2 points).",
        ),
        (
            "latency_ms_max",
            0.55,
            {"p50": 0.5500000001},
            "a_f32: latency_ms is 0.5500000001, over its limit latency_ms_max = 0.55 "
            "by 0.0000000001 (less than 0.1 %).",
        ),
        (
            "init_ms_max",
            0,
            1234.5678,
            "a_f32: init_ms is 1235, over its limit init_ms_max = 0 by 1235.",
        ),
    ],
)
def test_a_failure_is_one_sentence(name: str, limit: float, reading: Any, sentence: str) -> None:
    assert judge(budget(name, limit), {KINDS[name].metric: reading}).sentence == sentence


def test_other_engines_and_threads_are_named() -> None:
    sentence = judge(budget("init_ms_max", 1, "keras", 2), {"init_ms": 3}).sentence
    assert sentence.startswith("a_f32 (keras-2): ")


def test_a_judgement_becomes_an_entry_of_the_history() -> None:
    judgement = judge(budget("size_ratio_max", 0.5), {"size_ratio": 0.6})
    assert judgement.entry() == {
        "variant": "a_f32",
        "engine": "litert",
        "threads": 1,
        "budget": "size_ratio_max",
        "limit": 0.5,
        "value": 0.6,
        "verdict": "fail",
    }


LIMITS = st.floats(0, 2**53) | st.integers(0, 2**53)


@settings(deadline=None)
@given(value=LIMITS, limit=LIMITS)
def test_a_value_never_prints_as_a_limit_it_differs_from(value: float, limit: float) -> None:
    assume(value != limit)
    sentence = judge(budget("init_ms_max", limit), {"init_ms": value}).sentence
    shown = re.search(
        r"init_ms is (\S+), (over|within) its limit init_ms_max = ([\d.]*\d)", sentence
    )
    assert shown is not None
    assert shown[1] != shown[3]
    assert (float(shown[1]) > float(shown[3])) == (shown[2] == "over") == (value > limit)


@settings(deadline=None)
@given(limit=st.floats(1e-9, 1e9), up=st.booleans())
@example(limit=1.9, up=True)  # 1.9 as a float lies a little below 1.9
def test_the_closest_neighbour_of_a_limit_is_told_apart(limit: float, up: bool) -> None:
    value = math.nextafter(limit, math.inf if up else 0)
    assert (float(apart(value, limit)) > limit) == up


FILE = """\
[digits."*"]
peak_rss_mb_max = 600
size_ratio_max = 1

[digits."*"."litert-2"]
latency_ratio_max = 1.5

[digits.b_f32]
size_ratio_max = 0.5

[digits.b_f32."keras-1"]
accuracy_top1_min = 0.9

[photos.c_f32]
latency_ms_max = 5
"""


def test_a_variants_own_limit_overrides_the_one_for_all(tmp_path: Path) -> None:
    assert load(tmp_path, FILE) == (
        Budget("a_f32", "litert", 1, "size_ratio_max", 1, 3),
        Budget("a_f32", "litert", 1, "peak_rss_mb_max", 600, 2),
        Budget("a_f32", "litert", 2, "latency_ratio_max", 1.5, 6),
        Budget("b_f32", "litert", 1, "size_ratio_max", 0.5, 9),
        Budget("b_f32", "litert", 1, "peak_rss_mb_max", 600, 2),
        Budget("b_f32", "litert", 2, "latency_ratio_max", 1.5, 6),
        Budget("b_f32", "keras", 1, "accuracy_top1_min", 0.9, 12),
    )


def test_only_the_profile_that_runs_is_returned(tmp_path: Path) -> None:
    assert load(tmp_path, FILE, "photos") == (
        Budget("c_f32", "litert", 1, "latency_ms_max", 5, 15),
    )
    assert load(tmp_path, "", "photos") == ()


def test_the_order_of_the_file_does_not_matter(tmp_path: Path) -> None:
    own = "[digits.a_f32]\ninit_ms_max = 1\n"
    shared = '[digits."*"]\ninit_ms_max = 2\n'
    for text in (own + shared, shared + own):
        assert [one.limit for one in load(tmp_path, text)] == [1, 2]


def test_a_benchmark_finds_its_own_limits(tmp_path: Path) -> None:
    budgets = load(tmp_path, FILE)
    found = applicable(budgets, Case("a_f32", "litert", 1), "latency")
    assert [one.name for one in found] == ["peak_rss_mb_max"]
    assert applicable(budgets, Case("a_f32", "keras", 2), "size") == ()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[digit.a_f32]\nsize_ratio_max = 1", 1, "no profile 'digit'.*digits, photos"),
        ("\n[digits.c_f32]\ninit_ms_max = 1", 2, r"no variant 'c_f32'.*\*, a_f32, b_f32"),
        ("[photos.a_f32]\ninit_ms_max = 1", 1, r"'photos' has no variant 'a_f32'.*c_f32"),
        ("[digits.a_f32]\n\nsize_max_ratio = 1", 3, r"'size_max_ratio': size comes .*size_mb_max"),
        ("[digits.a_f32]\nlatency_s_max = 1", 2, r"latency comes .*in ms \(latency_ms_max\)"),
        ("[digits.a_f32]\nlatency_max = 1", 2, r"in ms \(latency_ms_max\)"),
        ("[digits.a_f32]\nlatency_p90_s_max = 1", 2, r"p90 comes in ms \(latency_p90_ms_max\)"),
        ("[digits.a_f32]\nsize_kb_max = 1", 2, r"in bytes .*in MiB \(size_mb_max\)"),
        ("[digits.a_f32]\nsize_mib_max = 1", 2, r"in MiB \(size_mb_max\)"),
        ("[digits.a_f32]\nsparsity_percent_min = 1", 2, r"share from 0 to 1 \(sparsity_min\)"),
        ("[digits.a_f32]\naccuracy_top1_max = 1", 2, r"\(accuracy_top1_min\)"),
        ("[digits.a_f32]\nflops_max = 1", 2, "no budget 'flops_max'.*There is: size_bytes_max"),
        ('[digits.a_f32]\ninit_ms_max = "5 ms"', 2, "must be a number, not '5 ms'"),
        ("[digits.a_f32]\ninit_ms_max = true", 2, "must be a number, not True"),
        ("[digits.a_f32]\ninit_ms_max = [1]", 2, "must be a number"),
        ("[digits.a_f32]\ninit_ms_max = {a = 1}", 2, "must be a number"),
        ("[digits.a_f32]\ninit_ms_max = 2020-01-01", 2, "must be a number"),
        ("[digits.a_f32]\ninit_ms_max = -1", 2, "from 0 up, not -1"),
        ("[digits.a_f32]\ninit_ms_max = nan", 2, "not nan"),
        ("[digits.a_f32]\ninit_ms_max = inf", 2, "not inf"),
        ("[digits.a_f32]\ninit_ms_max = 0x" + "f" * 9000, 2, "too long to show"),
        ("[digits.a_f32]\naccuracy_top1_min = 95", 2, "share from 0 to 1, not 95"),
        ("[digits.a_f32]\naccuracy_drop_max = 1.01", 2, r"share from 0 to 1, not 1\.01"),
        ("digits = 1", 1, "'digits' must be a table"),
        ("[digits]\na_f32 = 1", 2, "'a_f32' must be a table"),
        ("[[digits.a_f32]]\ninit_ms_max = 1", 1, "'a_f32' must be a table"),
        ('[digits.a_f32."tpu-1"]\ninit_ms_max = 1', 1, "'tpu-1' .*litert, keras"),
        ('[digits.a_f32."litert-0"]\ninit_ms_max = 1', 1, "'litert-0' "),
        ('[digits.a_f32."litert-02"]\ninit_ms_max = 1', 1, "'litert-02' "),
        ("[digits.a_f32.litert]\ninit_ms_max = 1", 1, "'litert' .*such as 'litert-2'"),
        ('[digits.a_f32."litert-1"]\ninit_ms_max = 1', 1, r"stand in \[digits\.a_f32\] itself"),
        ('[digits.a_f32."litert-2"]\n\ninit_s_max = 1', 3, "init comes in ms"),
        ('[digits.a_f32."litert-2"."litert-3"]\ninit_ms_max = 1', 1, "no budget 'litert-3'"),
        ("[digits.a_f32]\ninit_ms_max = 1\ninit_ms_max = 2", 3, "not TOML"),
        ("[digits.a_f32]\ninit_ms_max = \n", 2, "not TOML"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    for profile in VARIANTS:  # whichever runs, the whole file is checked
        with pytest.raises(BudgetError, match=said) as refused:
            load(tmp_path, text, profile)
        assert str(refused.value).startswith(f"{tmp_path / 'budgets.toml'}:{line}: ")
        assert "\n" not in str(refused.value)
    assert issubclass(BudgetError, UsageProblem)


def shipped(path: Path = BUDGETS) -> tuple[Budget, ...]:
    variants = {name: profile.variants for name, profile in load_profiles().items()}
    return load_budgets(path, "digits", variants, ENGINES)


def test_the_shipped_limits_leave_no_variant_unheld() -> None:
    held: dict[str, set[str]] = {}
    for one in shipped():
        held.setdefault(one.variant, set()).add(one.name)
    assert set(held) == set(load_profiles()["digits"].variants)
    for variant, names in held.items():
        assert {"accuracy_top1_min", "peak_rss_mb_max"} <= names, variant
        assert ("sparsity_prunable_min" in names) == ("pruned" in variant)
        assert ("parameters_max" in names) == variant.startswith("student")


def test_the_shipped_limits_name_their_lines() -> None:
    lines = BUDGETS.read_text().split("\n")
    for one in shipped():
        assert lines[one.line - 1] == f"{one.name} = {one.limit}"


def outcome_of(
    path: Path, variants: Mapping[str, tuple[str, ...]] = VARIANTS
) -> str | tuple[Budget, ...]:
    """Return the limits of a file, or what it is refused with."""
    try:
        return load_budgets(path, "digits", variants, ENGINES)
    except BudgetError as error:
        return str(error)


WORDS = [
    "digits", "photos", "a_f32", "c_f32", '"*"', '"litert-2"', "init_ms_max", "size_ratio_max",
    "accuracy_top1_min", "latency_s_max", "[", "]", "[[", "]]", ".", " = ", "{", "}", ",", "\n",
    "\r\n", "# ", '"', "'''", '"""', "0.5", "-1", "1e400", "nan", "0x", "true", "1979-05-27", "\t",
]  # fmt: skip


@settings(
    deadline=None,
    max_examples=examples(200),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text() | st.lists(st.sampled_from(WORDS), max_size=25).map("".join))
def test_no_text_breaks_the_reader(tmp_path: Path, text: str) -> None:
    outcome = outcome_of(write(tmp_path, text))
    if isinstance(outcome, str):
        said = re.match(rf"{re.escape(str(tmp_path))}/budgets\.toml:(\d+): \S", outcome)
        assert said is not None
        assert 1 <= int(said[1]) <= text.count("\n") + 1
    else:
        assert all(0 <= one.limit <= 2**53 for one in outcome)


@settings(
    deadline=None,
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_damaged_line_of_the_shipped_file_is_refused_or_still_a_limit(
    tmp_path: Path, data: st.DataObject
) -> None:
    lines = BUDGETS.read_text().split("\n")
    number = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(0, len(lines[number])))
    lines[number] = lines[number][:cut] + data.draw(st.text(max_size=3)) + lines[number][cut + 1 :]
    path = write(tmp_path, "\n".join(lines))
    variants = {name: profile.variants for name, profile in load_profiles().items()}
    outcome = outcome_of(path, variants)
    if isinstance(outcome, str):
        assert re.match(rf"{re.escape(str(path))}:\d+: \S", outcome)
    else:
        assert {one.variant for one in outcome} <= set(variants["digits"])
        assert len(outcome) >= len(shipped()) - len(variants["digits"])
