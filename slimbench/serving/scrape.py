"""What a server says of itself at `/metrics`."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

BATCH = "slimbench_batch_size"


def totals(text: str, name: str) -> tuple[float, float]:
    """Return the sum and the count of a histogram or summary, over all its labels.

    Raises:
        ValueError: The text is no such metrics, or has none of this name.
    """
    found = {
        part: [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"{name}_{part}"
        ]
        for part in ("sum", "count")
    }
    if not found["sum"] or not found["count"]:
        raise ValueError(f"the metrics have no {name}")
    return sum(found["sum"]), sum(found["count"])
