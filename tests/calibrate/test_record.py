from __future__ import annotations

from pathlib import Path

import pytest

from slimbench.calibrate import record
from slimbench.calibrate.design import Batch, batches
from slimbench.calibrate.record import CalibrationError, Comparison
from tests.calibrate.simulated import Machine, measured

DESIGN = batches()
SIZES = [len(batch.trials) for batch in DESIGN]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[list[Comparison]]:
    def one(batch: Batch) -> list[Comparison]:
        return measured([batch], Machine(), monkeypatch)

    return [one(batch) for batch in DESIGN[:2]]


@pytest.fixture
def path(tmp_path: Path, found: list[list[Comparison]]) -> Path:
    path = tmp_path / "calibration.jsonl"
    record.create(path, {"cpu": "one"})
    for batch in found:
        record.append(path, batch)
    return path


def test_what_was_written_is_read(path: Path, found: list[list[Comparison]]) -> None:
    read = record.load(path, SIZES)
    assert read.about["cpu"] == "one"
    assert read.batches() == {0, 1}
    written = [each for batch in found for each in batch]
    assert [(each.size, each.slowdown, each.verdict) for each in read.comparisons] == [
        (each.size, each.slowdown, each.verdict) for each in written
    ]
    for before, after in zip(written, read.comparisons, strict=True):
        assert after.first.log_ratios == pytest.approx(before.first.log_ratios, rel=1e-5)
        assert (before.second is None) == (after.second is None)


@pytest.mark.parametrize("cut", [1, 40, 4000])
def test_a_batch_torn_by_a_kill_is_dropped_and_the_file_goes_on(
    path: Path, found: list[list[Comparison]], cut: int
) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    torn = record.load(path, SIZES)
    assert torn.batches() <= {0, 1}
    record.drop_incomplete_batch(path, torn)
    for number in {0, 1} - torn.batches():
        record.append(path, found[number])
    assert record.load(path, SIZES).batches() == {0, 1}


@pytest.mark.parametrize(
    "content",
    [b"", b"{}\n", b"\xff\xfe", b"[1]\n", b'{"schema": "other"}\n', b'{"schema": 1}\n{"a": 1}\n'],
)
def test_what_is_no_calibration_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match=r"x\.jsonl is no calibration"):
        record.load(path, SIZES)


def test_damage_in_the_middle_is_refused(path: Path) -> None:
    lines = path.read_text().splitlines()
    lines[3] = lines[3][:50]
    path.write_text("\n".join(lines))
    with pytest.raises(CalibrationError, match="damaged"):
        record.load(path, SIZES)


def test_a_calibration_of_another_design_is_refused(path: Path) -> None:
    with pytest.raises(CalibrationError, match="another design"):
        record.load(path, SIZES[:1])


def test_an_existing_file_is_not_begun_again(path: Path) -> None:
    with pytest.raises(FileExistsError):
        record.create(path, {})
