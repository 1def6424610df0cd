"""Where the checkout is, whatever folder a command was started from."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SUITE = CHECKOUT / "bench"
RESULTS = CHECKOUT / "results"
