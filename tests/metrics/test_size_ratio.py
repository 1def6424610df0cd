from __future__ import annotations

from dataclasses import replace

import pytest

from slimbench.metrics.size_ratio import SizeRatio
from slimbench.spec import Unmeasured
from tests.metrics.subjects import HandmadeSubject, read

REFERENCE = HandmadeSubject(values={"size_bytes": 400})
BROKEN = HandmadeSubject(values={"size_bytes": Unmeasured("the disk is gone")})


@pytest.mark.parametrize(("own", "ratio"), [(100, 0.25), (400, 1.0), (500, 1.25)])
def test_is_own_size_by_the_references(own, ratio):
    subject = HandmadeSubject(values={"size_bytes": own}, reference=REFERENCE)
    assert read(SizeRatio(), subject)["size_ratio"] == ratio


def test_without_a_reference_says_why():
    subject = replace(REFERENCE, reference_reason="resnet50_f32 could not be built")
    ratio = read(SizeRatio(), subject)["size_ratio"]
    assert ratio == Unmeasured("resnet50_f32 could not be built")


@pytest.mark.parametrize(
    "subject", [replace(BROKEN, reference=REFERENCE), replace(REFERENCE, reference=BROKEN)]
)
def test_is_unmeasured_where_either_size_is(subject):
    assert read(SizeRatio(), subject)["size_ratio"] == Unmeasured("the disk is gone")
