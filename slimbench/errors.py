"""The errors that are a user's to mend: their message is all that is shown of them."""

from __future__ import annotations

USAGE_STATUS = 2
"""Exit status where something asked for does not exist or does not fit."""


class UsageProblem(ValueError):
    """Something asked for does not exist or does not fit; the message lists what does."""


class Unavailable(RuntimeError):
    """Something a variant needs cannot be had here (weights, data): it is missing, not failed."""


class DamagedCheckpoint(RuntimeError):
    """What an interrupted step left cannot be read; the step begins anew."""
