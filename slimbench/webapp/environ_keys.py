"""What the way in tells the application of a request: keys of its WSGI environment."""

from __future__ import annotations

ARRIVED = "slimbench.arrived"
"""When the request was there whole, of `time.monotonic`."""

PLACE = "slimbench.place"
"""The request's `Place`, or the `Refusal` that it met instead."""

PREDICT = "/predict"

TAKE_PICTURES = frozenset({PREDICT, "/"})
"""Where a POST needs a place."""
