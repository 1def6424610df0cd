"""What belongs to one application: its settings, its models, and what it remembers of clients."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from webapp.rate_limit import RateLimit
from webapp.settings import Settings
from webapp.spec import Service
from webapp.watching import Watching

KEY = "slimbench"


@dataclass(frozen=True, slots=True)
class State:
    """All that a request's handling needs; one per application.

    `decoders` lets as many pictures be decoded at once as there are workers: more would only hold
    more memory, of which a large one takes a quarter of a GiB.
    """

    settings: Settings
    service: Service
    watching: Watching
    rate_limit: RateLimit | None
    decoders: threading.Semaphore


def attach(app: Flask, settings: Settings, service: Service) -> State:
    """Make an application's `State`."""
    state = State(
        settings=settings,
        service=service,
        watching=Watching(),
        rate_limit=None if settings.rate is None else RateLimit(settings.rate, settings.rate_burst),
        decoders=threading.Semaphore(settings.workers),
    )
    for model in (service.stable, service.canary):
        if model is not None:
            state.watching.expect(model)
    app.extensions[KEY] = state
    return state


def current() -> State:
    """Return that of the application which handles the current request."""
    return cast(State, current_app.extensions[KEY])
