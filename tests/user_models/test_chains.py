from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.errors import UsageProblem
from slimbench.user_models.chains import RECIPES, Chain, parse


@pytest.mark.parametrize(
    ("typed", "chain"),
    [
        ("prune(0.5)", Chain(0.5)),
        ("prune(.25)", Chain(0.25)),
        ("quantize(f16)", Chain(recipe="f16")),
        (" prune( 0.8 ) , quantize(static_wi8_ai8) ", Chain(0.8, "static_wi8_ai8")),
    ],
)
def test_steps_are_read(typed: str, chain: Chain) -> None:
    assert parse(typed) == chain


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "it has an empty step"),
        ("prune(0.5),", "it has an empty step"),
        ("prune", "'prune' is no step"),
        ("prune(0.5)quantize(f16)", "is no step"),
        ("__import__('os')", "is no step"),
        ("gzip(9)", "there is no step 'gzip'"),
        ("prune(0)", "prune takes a share from 0.01 to 0.99, not '0'"),
        ("prune(0.00)", "prune takes a share"),
        ("prune(50)", "prune takes a share"),
        ("prune(1.0)", "prune takes a share"),
        ("prune(nan)", "prune takes a share"),
        ("quantize(int8)", "quantize takes f16, dynamic_wi8, static_wi8_ai8, not 'int8'"),
        ("quantize(f16),prune(0.5)", "prune comes first, and once"),
        ("prune(0.5),prune(0.8)", "prune comes first, and once"),
        ("quantize(f16),quantize(dynamic_wi8)", "quantize comes last, and once"),
    ],
)
def test_other_steps_are_refused_with_what_there_is(typed: str, said: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse(typed)
    assert said in str(caught.value)
    assert "quantize(f16|dynamic_wi8|static_wi8_ai8)" in str(caught.value)


def test_each_step_on_the_way_is_measured() -> None:
    both = Chain(0.5, "static_wi8_ai8")
    assert both.prefixes() == (Chain(0.5), both)
    assert Chain(recipe="f16").prefixes() == (Chain(recipe="f16"),)


@pytest.mark.parametrize(
    ("name", "chain", "called"),
    [
        ("mine", Chain(0.5), "mine_pruned50"),
        ("mine", Chain(0.05, "f16"), "mine_pruned05_f16"),
        ("resnet8_f32", Chain(0.5), "resnet8_pruned50_f32"),
        ("resnet8_f32", Chain(0.5, "static_wi8_ai8"), "resnet8_pruned50_static_wi8_ai8"),
        ("resnet8_f32", Chain(recipe="dynamic_wi8"), "resnet8_dynamic_wi8"),
        ("_f32", Chain(0.5), "_f32_pruned50"),
    ],
)
def test_a_name_says_what_was_done(name: str, chain: Chain, called: str) -> None:
    assert chain.name(name) == called


@given(st.integers(1, 99), st.sampled_from(RECIPES), st.text(" ", max_size=2))
def test_what_is_written_is_what_is_read(percent: int, recipe: str, space: str) -> None:
    typed = f"prune({space}0.{percent:02}){space},{space}quantize({recipe})"
    chain = parse(typed)
    assert chain.name("m") == f"m_pruned{percent:02}_{recipe}"


@given(st.text(max_size=60))
def test_wild_text_is_steps_or_a_sentence(typed: str) -> None:
    try:
        chain: Chain | str = parse(typed)
    except UsageProblem as problem:
        chain = str(problem)
    assert chain.startswith("--steps ") if isinstance(chain, str) else chain != Chain()
