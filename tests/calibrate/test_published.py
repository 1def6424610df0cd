"""The calibration that docs/gate.md quotes: whole, judged by the gate as it is, quoted rightly."""

from __future__ import annotations

import pytest

from slimbench.calibrate import design, rates, record, report
from slimbench.paths import CODE

(PUBLISHED,) = sorted((CODE / "results" / "calibration").glob("*.jsonl"))


@pytest.mark.slow
def test_the_gate_as_it_is_reaches_its_targets_on_the_published_ratios_as_its_page_says() -> None:
    batches = design.batches()
    calibration = record.load(PUBLISHED, [len(batch.trials) for batch in batches])
    assert calibration.batches() == {batch.number for batch in batches}
    comparisons = rates.judge_again(calibration.comparisons)
    groups, profiles = rates.groups(comparisons), rates.in_profiles(comparisons)
    assert all(target.reached for target in report.targets(groups, profiles))
    page = (CODE / "docs" / "gate.md").read_text(encoding="utf-8")
    assert str(PUBLISHED.relative_to(CODE)) in page
    assert report.rates_table(groups, "pipe") in page
    assert report.profiles_table(profiles, "pipe") in page
