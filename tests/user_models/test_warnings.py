"""What is pointed out below the table of a run of one's own models."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest

from slimbench.pytest_suite.user_models import warnings
from slimbench.run.session import Run
from slimbench.spec import Step, Variant
from slimbench.steps.calibration_photos import CalibrationPhotos
from slimbench.steps.quantize import Quantize

FLOAT, IMAGES = CalibrationPhotos(4, 4), CalibrationPhotos(8, 8)
"""Any two steps: only which stands on which counts here."""


@dataclass(frozen=True, slots=True)
class CaseOf:
    """A case, as far as it counts here."""

    variant: str


def run_of(accuracies: dict[str, float]) -> Run:
    chains: dict[str, Step] = {
        "m": FLOAT,
        "m_f16": Quantize(FLOAT, "f16"),
        "m_int8": Quantize(FLOAT, "static_wi8_ai8", IMAGES),
    }
    images = CalibrationPhotos(2, 2)
    subjects = {
        CaseOf(name): SimpleNamespace(
            readings={"accuracy_top1": share, "accuracy_ci95": [share - 0.05, share + 0.05]}
        )
        for name, share in accuracies.items()
    }
    plan = SimpleNamespace(
        variants={name: Variant(name, "mine", chain) for name, chain in chains.items()},
        evaluations=dict.fromkeys(chains, images),
    )
    classes = SimpleNamespace(classes=("a", "b", "c"))
    return cast(Run, SimpleNamespace(plan=plan, subjects=subjects, evaluations={images: classes}))


@pytest.mark.parametrize(
    ("accuracies", "warned"),
    [
        ({"m": 0.9, "m_f16": 0.9, "m_int8": 0.89}, []),
        ({"m": 0.9, "m_f16": 0.9, "m_int8": 0.8}, ["m_int8"]),
        ({"m": 0.9, "m_f16": 0.85, "m_int8": 0.92}, ["m_f16"]),
        ({"m_int8": 0.8}, []),
    ],
)
def test_a_quantised_form_is_held_against_its_float_model(
    accuracies: dict[str, float], warned: list[str]
) -> None:
    found = warnings(run_of(accuracies))
    assert [sentence.split()[0] for sentence in found] == warned
    assert all("likely cause" in sentence for sentence in found)
