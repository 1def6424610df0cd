from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slimbench.errors import UsageProblem
from slimbench.paths import suite_file
from slimbench.run.plan import Plan, make_plan
from slimbench.spec import Case, Variant
from slimbench.suite.profiles import Profile
from slimbench.user_models.request import UserRun
from tests.build.sample_steps import Sample

REFERENCE = "student_scratch_f32"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.setattr("slimbench.run.plan.cores", lambda: 4)
    return tmp_path / "store"


def made(tmp_path: Path, **choices: Any) -> Plan:
    usual = {"profile": "quick", "lang": "en", "results": tmp_path / "r"}
    return make_plan(**{**usual, "budget_file": suite_file("budgets.toml"), **choices})


def test_by_default_it_is_the_profile(tmp_path: Path) -> None:
    quick = made(tmp_path)
    assert quick.seed == quick.profile.seed
    assert set(quick.variants) == {case.variant for case in quick.cases}
    assert quick.is_whole(quick.cases)
    assert {budget.variant for budget in quick.budgets} <= set(quick.variants)
    assert {step.dataset for step in quick.evaluations.values()} == {"digits"}
    assert quick.remarks == ()


def test_a_part_of_the_profile_is_not_whole_and_more_than_it_is(tmp_path: Path) -> None:
    quick = made(tmp_path)
    assert not quick.is_whole(quick.cases[1:])
    assert not made(tmp_path, thread_list="2").is_whole(made(tmp_path, thread_list="2").cases)
    both = made(tmp_path, thread_list="1,2")
    assert both.is_whole(both.cases)


def test_a_case_is_compared_on_the_same_engine_and_threads(tmp_path: Path) -> None:
    quick = made(tmp_path)
    case = Case("student_scratch_f16", "litert", 2)
    assert quick.reference_of(case) == Case(REFERENCE, "litert", 2)


def test_the_seed_can_be_chosen_even_as_0(tmp_path: Path) -> None:
    assert made(tmp_path, seed=0).seed == 0
    assert made(tmp_path, seed=7).seed == 7


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"profile": "quik"}, "There is: cifar10, "),
        ({"engine_list": "onnx"}, "There is: .*litert"),
        ({"thread_list": "5"}, "There is: 1 to 4"),
        ({"seed": -1}, r"--seed must be a whole number from 0 to 2\*\*32 - 1, not -1"),
        ({"seed": 2**32}, "not 4294967296"),
        ({"budget_file": Path("nowhere.toml")}, "nowhere.toml: cannot be read"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(
    tmp_path: Path, store: Path, choice: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageProblem, match=said):
        made(tmp_path, **choice)
    assert not store.exists()


def test_results_that_could_not_be_saved_are_refused_before_anything_is_done(
    tmp_path: Path, store: Path
) -> None:
    (tmp_path / "file").touch()
    for results in (tmp_path / "file", tmp_path / "file" / "below" / "it"):
        with pytest.raises(UsageProblem, match="file is not a folder that can be written"):
            made(tmp_path, results=results)
    assert not store.exists()


def test_a_store_that_cannot_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path / "file" / "store"))
    with pytest.raises(UsageProblem, match="set SLIMBENCH_STORE to a folder that can be written"):
        made(tmp_path)


def test_results_need_not_be_there_yet(tmp_path: Path) -> None:
    assert not made(tmp_path, results=tmp_path / "not" / "yet").results.exists()


USER_RUN = UserRun(
    Profile("own", "pictures", "mine", ("mine", "mine_f16"), ("litert",), (1,), 0),
    {
        "mine": Variant("mine", "pictures", Sample("mine", ""), evaluation=Sample("images", "")),
        "mine_f16": Variant("mine_f16", "pictures", Sample("mine_f16", "")),
    },
    ("mine: 8x8 RGB",),
)


def test_models_of_ones_own_are_a_profile_of_their_own(tmp_path: Path) -> None:
    plan = made(tmp_path, profile="digits", user_run=USER_RUN)
    assert plan.profile.name == "own"
    assert plan.cases == (Case("mine", "litert", 1), Case("mine_f16", "litert", 1))
    assert plan.is_whole(plan.cases)
    assert plan.reference_of(plan.cases[1]) == plan.cases[0]
    assert plan.evaluations == {"mine": Sample("images", ""), "mine_f16": None}
    assert plan.remarks == ("mine: 8x8 RGB",)


def test_models_of_ones_own_have_budgets(tmp_path: Path) -> None:
    budgets = tmp_path / "budgets.toml"
    budgets.write_text("[own.mine_f16]\nsize_ratio_max = 0.6\n")
    (budget,) = made(tmp_path, user_run=USER_RUN, budget_file=budgets).budgets
    assert (budget.variant, budget.name, budget.limit) == ("mine_f16", "size_ratio_max", 0.6)
    budgets.write_text("[own.yours]\nsize_ratio_max = 0.6\n")
    with pytest.raises(UsageProblem, match=r"no variant 'yours'. There is: .*mine, mine_f16"):
        made(tmp_path, user_run=USER_RUN, budget_file=budgets)


def test_keras_takes_one_number_of_threads_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"keras .*not with 1, 2\. .*--threads 1\."):
        made(tmp_path, engine_list="litert,keras", thread_list="1,2")
    both = made(tmp_path, engine_list="litert,keras", thread_list="2")
    assert {case.engine for case in both.cases} == {"litert", "keras"}
