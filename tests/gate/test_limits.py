from __future__ import annotations

from pathlib import Path

import pytest

from slimbench.gate.limits import Limits, LimitsError, load_limits
from slimbench.paths import suite_file

TWO = ("resnet50_f32", "student_scratch_f32")


def test_the_file_in_the_suite_says_nothing_else_than_the_defaults() -> None:
    assert load_limits(suite_file("gate.toml"), "digits", TWO) == dict.fromkeys(TWO, Limits())


def test_the_defaults_that_the_file_tells_are_those_that_hold() -> None:
    told = dict(
        line.removeprefix("#").split()[0::2][:2]
        for line in suite_file("gate.toml").read_text().splitlines()
        if line.startswith("#   ") and " = " in line and "first_invoke" not in line
    )
    defaults = {name: value for name, value in Limits().values.items() if value is not None}
    assert {name: float(value) for name, value in told.items()} == defaults


def test_one_variant_s_limits_override_those_of_all(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(
        '[digits."*"]\nlatency_growth_max = 0.1\ninit_growth_max = 0.5\n'
        "[digits.resnet50_f32]\nlatency_growth_max = 0.2\n[other.whatever]\nsize_growth_max = 1\n"
    )
    found = load_limits(path, "digits", TWO)
    assert found["resnet50_f32"] == Limits(latency_growth_max=0.2, init_growth_max=0.5)
    assert found["student_scratch_f32"] == Limits(latency_growth_max=0.1, init_growth_max=0.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[digits."*"]\nlatency_growth = 0.1', "limits.toml:2: there is no limit 'latency_growth'"),
        ('[other."*"]\nlatency_growth = 0.1', "limits.toml:2: there is no limit"),
        ("[digits.resnet5_f32]\n", "limits.toml:1: neither run has a variant 'resnet5_f32'"),
        ('[digits."*"]\nsize_growth_max = -0.1', "limits.toml:2: size_growth_max must be"),
        ('[digits."*"]\nsize_growth_max = nan', "must be a number"),
        ('[digits."*"]\nsize_growth_max = true', "must be a number"),
        ('[digits."*"]\naccuracy_top1_loss_max = 3', "3 % written as 0.03"),
        ("digits = 3", "must be a table"),
        ("[digits]\nsize_growth_max = 3", "must be a table"),
    ],
)
def test_a_limit_that_would_never_hold_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text)
    with pytest.raises(LimitsError) as error:
        load_limits(path, "digits", TWO)
    assert said in str(error.value)
