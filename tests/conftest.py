"""Settings of the tests: a busy machine is no failure, so nothing here has a deadline.

A shell starts what it puts into the background with Ctrl-C ignored, and children inherit that; some
tests send it to theirs.
"""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("slimbench", deadline=None)
settings.load_profile("slimbench")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
