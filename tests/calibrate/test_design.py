from __future__ import annotations

from collections import Counter

from slimbench.calibrate.design import LAYERS, SIZES, batches, workloads


def test_it_holds_what_a_calibration_promises() -> None:
    trials = Counter(
        (batch.burner, trial.slowdown) for batch in batches() for trial in batch.trials
    )
    assert trials == {
        (False, 0): 300,
        (True, 0): 50,
        **{(False, slowdown): 60 for slowdown in (2, 5, 8)},
        **{(False, slowdown): 20 for slowdown in (4, 10, 20)},
    }


def test_sizes_share_every_slowdown_evenly() -> None:
    counted = Counter((trial.slowdown, trial.size) for batch in batches() for trial in batch.trials)
    for slowdown in {trial.slowdown for batch in batches() for trial in batch.trials}:
        numbers = [counted[slowdown, size] for size in SIZES]
        assert max(numbers) - min(numbers) <= 1


def test_a_null_is_another_file_with_the_same_work() -> None:
    nulls = {trial for batch in batches() for trial in batch.trials if trial.slowdown == 0}
    for trial in nulls:
        assert trial.baseline != trial.candidate
        assert trial.baseline.layers == trial.candidate.layers == LAYERS


def test_a_slowdown_is_that_much_more_work_in_the_file() -> None:
    for batch in batches():
        for trial in batch.trials:
            more = trial.candidate.layers / trial.baseline.layers - 1
            assert round(100 * more) == trial.slowdown


def test_it_is_the_same_every_time_so_that_it_can_go_on() -> None:
    assert batches() == batches()
    assert [batch.number for batch in batches()] == list(range(len(batches())))


def test_batches_beside_the_burner_are_spread_over_the_whole() -> None:
    places = [batch.number for batch in batches() if batch.burner]
    assert min(places) < len(batches()) / 3
    assert max(places) > 2 * len(batches()) / 3


def test_every_model_is_built_once() -> None:
    wanted = workloads(batches())
    assert len(wanted) == len(set(wanted)) == len(SIZES) * 8
