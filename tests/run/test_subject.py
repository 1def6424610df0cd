from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from slimbench import metrics
from slimbench.errors import UsageProblem
from slimbench.spec import Group, Kind, Reading, Subject
from tests.ready_run import REFERENCE, SMALL, Clock, Setup


class Counted:
    """A metric that reads how often it was read, and takes a second each time."""

    keys: tuple[str, ...] = ("reads", "reads_twice")
    group: Group = "size"
    kind: Kind = "score"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reads = 0

    def read(self, subject: Subject) -> Reading:  # noqa: ARG002
        self.reads += 1
        self._clock.now += 1
        return {"reads": self.reads, "reads_twice": 2 * self.reads}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counted(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted(clock)
    known: Callable[[], tuple[object, ...]] = metrics.all_metrics
    every = (*known(), counted)
    monkeypatch.setattr(metrics, "all_metrics", lambda: every)
    return counted


def test_a_metric_is_read_once_however_often_it_is_asked_for(
    tmp_path: Path, clock: Clock, counted: Counted
) -> None:
    run = Setup(tmp_path, clock=clock).run()
    subject = run.subject(SMALL)
    assert subject.value("reads_twice") == 2
    assert subject.value("reads") == 1
    subject.read_group("size")
    assert counted.reads == 1
    assert subject.readings["size_bytes"] > 0
    assert run.stopwatch.seconds()["score"] == 1


def test_a_group_reads_all_of_its_metrics_and_no_other(tmp_path: Path, counted: Counted) -> None:
    subject = Setup(tmp_path).run().subject(SMALL)
    subject.read_group("accuracy")
    assert counted.reads == 0
    assert set(subject.readings) == {
        key for metric in metrics.for_group("accuracy") for key in metric.keys
    }


def test_what_no_metric_reads_is_refused(tmp_path: Path) -> None:
    subject = Setup(tmp_path).run().subject(SMALL)
    with pytest.raises(UsageProblem, match="'beauty'"):
        subject.value("beauty")


def test_its_model_is_loaded_when_first_asked_for_and_only_then(tmp_path: Path) -> None:
    subject = Setup(tmp_path).run().subject(SMALL)
    shapes = [subject.input_shape]  # the images', until the model says more
    session = subject.session
    assert subject.session is session
    assert [*shapes, subject.input_shape] == [(4, 4, 3), (1, 4, 4, 3)]


def test_what_was_read_outlives_its_model(tmp_path: Path) -> None:
    subject = Setup(tmp_path).run().subject(REFERENCE)
    share = subject.value("accuracy_top1")
    subject.close()
    subject.close()
    assert subject.value("accuracy_top1") == share
