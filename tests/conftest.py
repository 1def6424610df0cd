"""Settings of the tests: a busy machine is no failure, so nothing here has a deadline."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("slimbench", deadline=None)
settings.load_profile("slimbench")
