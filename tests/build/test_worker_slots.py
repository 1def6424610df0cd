from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.build import worker_slots
from slimbench.spec import Kind, Toolchain
from tests.build.sample_steps import Sample

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Traced(Sample):
    toolchain: ClassVar[Toolchain] = "tensorflow"


@dataclass(frozen=True, slots=True)
class TracedTraining(Traced):
    kind: ClassVar[Kind] = "train"


def converted(name, first=Traced):
    """Return a network's chain of three steps, in order."""
    weights = first(f"{name} weights", "")
    exported = Traced(f"{name} exported", "", weights)
    return [weights, exported, Traced(f"{name} converted", "", exported)]


def test_networks_that_stand_apart_are_converted_side_by_side():
    a, b, c = converted("a"), converted("b"), converted("c")
    assert worker_slots.shared_out([*a, *b]) == (a, b)
    main, spare = worker_slots.shared_out([a[0], b[0], c[0], *b[1:], *a[1:], *c[1:]])
    assert (len(main), len(spare)) == (6, 3)
    assert spare in (a, b, c)


def test_one_network_stays_in_one_process():
    a = converted("a")
    again = Traced("converted otherwise", "", a[1])
    assert worker_slots.shared_out([*a, again]) == ([*a, again], [])


def test_trainings_go_to_one_process_and_what_is_trained_is_converted_beside_them():
    a, b, c = converted("a", TracedTraining), converted("b", TracedTraining), converted("c")
    assert worker_slots.trainings([*a, *b, *c]) == [a[0], b[0]]
    assert worker_slots.free_of_training([*a, *b, *c]) == c
    assert worker_slots.free_of_training([*a[1:], *b]) == a[1:]  # its training is done
    assert worker_slots.free_of_training([*a, *b]) == []


def test_what_a_training_needs_stays_with_it():
    weights = Traced("weights", "")
    tuned = TracedTraining("tuned", "", weights)
    exported = Traced("exported", "", tuned)
    also = Traced("exported as it was", "", weights)
    ready = [weights, tuned, exported, also]
    assert worker_slots.trainings(ready) == [weights, tuned]
    assert worker_slots.free_of_training(ready) == []


@given(st.lists(st.tuples(st.integers(-1, 20), st.integers(-1, 20), st.booleans()), max_size=15))
def test_every_step_goes_to_one_lane_with_all_that_it_needs(drawn):
    steps: list[Sample] = []
    for number, (first, second, trains) in enumerate(drawn):
        made = TracedTraining if trains else Traced
        inputs = [steps[each] if 0 <= each < number else None for each in (first, second)]
        steps.append(made(str(number), "", *inputs))
    main, spare = worker_slots.shared_out(steps)
    assert sorted([*main, *spare], key=steps.index) == steps
    for lane, other in ((main, spare), (spare, main)):
        assert lane == sorted(lane, key=steps.index)
        for step in lane:
            assert not {*step.inputs} & {*other}
    trained, free = worker_slots.trainings(steps), worker_slots.free_of_training(steps)
    assert {step for step in steps if step.kind == "train"} <= {*trained}
    for lane in (trained, free):
        assert lane == sorted(lane, key=steps.index)
        assert all(other in lane for step in lane for other in step.inputs)
    assert not {*trained} & {*free}


@pytest.mark.parametrize(
    ("cores", "gib", "expected"), [(2, 16, 3), (1, 16, 2), (2, 4, 2), (16, 64, 3)]
)
def test_the_spare_lane_is_open_where_there_are_cores_and_memory_for_it(cores, gib, expected):
    assert len(worker_slots.open_lanes(cores, gib * GIB)) == expected


def test_a_container_has_no_more_memory_than_it_was_given(tmp_path):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert worker_slots.free_bytes(tmp_path) == 600000


@pytest.mark.parametrize("limit", ["max\n", None])
def test_without_a_limit_the_machines_memory_counts(tmp_path, limit):
    (tmp_path / "memory.current").write_text("400000\n")
    if limit:
        (tmp_path / "memory.max").write_text(limit)
    assert worker_slots.free_bytes(tmp_path) > 100 << 20
