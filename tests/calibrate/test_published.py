"""The calibration that README quotes: whole, judged by the gate as it is, and quoted rightly."""

from __future__ import annotations

from slimbench.calibrate import design, rates, record, table
from slimbench.calibrate.aims import aims
from slimbench.paths import CODE

(PUBLISHED,) = sorted(((CODE / "results") / "calibration").glob("*.jsonl"))


def test_the_gate_as_it_is_reaches_its_aims_on_the_published_ratios_and_readme_says_so() -> None:
    batches = design.batches()
    calibration = record.load(PUBLISHED, [len(batch.trials) for batch in batches])
    assert calibration.batches() == {batch.number for batch in batches}
    found = rates.judged_now(calibration.found)
    groups, profiles = rates.groups(found), rates.in_profiles(found)
    assert all(aim.reached for aim in aims(groups, profiles))
    readme = (CODE / "README.md").read_text(encoding="utf-8")
    assert str(PUBLISHED.relative_to(CODE)) in readme
    assert table.rates_table(groups, "pipe") in readme
    assert table.profiles_table(profiles, "pipe") in readme
