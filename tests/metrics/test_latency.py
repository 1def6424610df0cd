from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.metrics.latency import Latency, rounds_for
from slimbench.metrics.speedup import Speedup
from slimbench.spec import Case, Unmeasured
from tests.metrics.subjects import HandmadeSubject


def test_latency_is_in_ms_with_linear_percentiles():
    # 0.001 … 0.101 s: the percentile q of 101 equally spaced samples is the q-th step.
    samples = [step / 1000 for step in range(101, 0, -1)]
    latency = Latency().read(HandmadeSubject(samples=samples))["latency_ms"]
    assert latency == pytest.approx(
        {"min": 1, "p50": 51, "p90": 91, "p99": 100, "mean": 51, "n": 101}
    )
    assert json.loads(json.dumps(latency)) == latency


@pytest.mark.parametrize(("count", "given"), [(1, False), (99, False), (100, True)])
def test_no_99th_percentile_of_fewer_than_100_samples(count, given):
    latency = Latency().read(HandmadeSubject(samples=[0.002] * count))["latency_ms"]
    assert (latency["p99"] is not None) == given
    assert latency["n"] == count


@pytest.mark.parametrize("samples", [None, []])
def test_latency_that_was_not_timed_says_so(samples):
    assert Latency().read(HandmadeSubject(samples=samples)) == {
        "latency_ms": Unmeasured("single invocations were not timed")
    }


@given(st.floats(0, 1e6))
def test_rounds_are_enough_and_not_too_many(pilot):
    rounds = rounds_for(pilot)
    assert 30 <= rounds <= 1000
    assert rounds >= 100 or pilot >= 0.01
    assert rounds == 30 or (rounds - 1) * pilot <= 1


@pytest.mark.parametrize(("pilot", "rounds"), [(0.0001, 1000), (0.005, 200), (0.5, 30)])
def test_rounds_take_about_a_second(pilot, rounds):
    assert rounds_for(pilot) == rounds


class ClockedSession:
    """A session whose invocations take their time on a clock of their own."""

    input_shape = (1, 4, 4, 3)

    def __init__(self, clock: list[float], seconds: float) -> None:
        self.clock, self.seconds = clock, seconds
        self.fed = None

    def feed(self, image):
        self.fed = image

    def invoke(self):
        assert self.fed is not None
        self.clock[0] += self.seconds


def subject_of(clock, variant, seconds, reference=None):
    return HandmadeSubject(
        ClockedSession(clock, seconds), Case(variant, "litert", 1), reference=reference
    )


def test_speedup_is_reference_time_over_own_time():
    clock = [0.0]
    reference = subject_of(clock, "resnet50_f32", 0.012)
    subject = subject_of(clock, "student_f32", 0.004, reference)
    reading = Speedup(clock=lambda: clock[0]).read(subject)
    assert reading["speedup"] == pytest.approx(3)


def test_the_reference_is_as_fast_as_itself_by_definition():
    clock = [0.0]
    reference = subject_of(clock, "resnet50_f32", 0.012)
    subject = subject_of(clock, "resnet50_f32", 0.012, reference)
    assert Speedup().read(subject) == {"speedup": 1.0}
    assert clock == [0.0]


def test_speedup_without_a_reference_says_why():
    subject = HandmadeSubject(reference_reason="resnet50_f32 cannot be built here")
    assert Speedup().read(subject) == {"speedup": Unmeasured("resnet50_f32 cannot be built here")}
