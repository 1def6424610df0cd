from __future__ import annotations

import pytest

from slimbench.history import rebuild_command


@pytest.mark.parametrize(
    ("profile", "variant", "command"),
    [
        ("digits", "resnet50_f16", "make bench PROFILE=digits K=resnet50_f16"),
        ("imagenet", "", "make bench PROFILE=imagenet"),
        ("own", "mine", "slimbench run with the same --model and --steps as then"),
        ("snail", "", "slimbench run --profile snail with the same --model and --steps as then"),
    ],
)
def test_a_users_own_models_are_built_by_no_make(profile: str, variant: str, command: str) -> None:
    assert rebuild_command.command(profile, variant) == command
