"""One figure of one variant over all saved runs: unpaired, so indicative and never a verdict."""
