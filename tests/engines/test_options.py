"""What a runtime is told beyond file and threads, and that it obeys."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from slimbench import engines
from slimbench.spec import Engine
from tests.tiny_models import SHAPE, first_pixels, linear_model

WITHOUT_DELEGATE = {"op_resolver": "BUILTIN_WITHOUT_DEFAULT_DELEGATES"}


def told(options: dict[str, str]) -> Engine:
    engine = copy.copy(engines.get("litert"))
    engine.options = options
    return engine


def scores_and_operators(engine: Engine, model: Path) -> tuple[list[float], set[str]]:
    session = engine.load(model, 1)
    session.feed(np.full(SHAPE, 7, np.uint8))
    session.invoke()
    details = session._interpreter._get_ops_details()  # type: ignore[attr-defined]  # noqa: SLF001
    return session.scores().tolist(), {each["op_name"] for each in details}


def test_litert_is_told_nothing_by_default_and_obeys_what_it_is_told(tmp_path: Path) -> None:
    model = linear_model(tmp_path / "m.tflite", first_pixels(2))
    assert dict(engines.get("litert").options) == {}
    scores, operators = scores_and_operators(told({}), model)
    same_scores, plain_operators = scores_and_operators(told(WITHOUT_DELEGATE), model)
    assert same_scores == scores
    assert "DELEGATE" in operators
    assert "DELEGATE" not in plain_operators


@pytest.mark.parametrize(("name", "value"), [("op_resolver", "FASTEST"), ("threads", "2")])
def test_an_option_that_litert_does_not_have_is_refused(
    tmp_path: Path, name: str, value: str
) -> None:
    model = linear_model(tmp_path / "m.tflite", first_pixels(2))
    with pytest.raises(ValueError, match=rf"m\.tflite.*no option {name}={value}"):
        told({name: value}).load(model, 1)
