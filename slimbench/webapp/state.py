"""What belongs to one application: its settings, its models, and what it remembers of clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from slimbench.webapp.metrics import Watching
from slimbench.webapp.rate_limit import RateLimit
from slimbench.webapp.settings import Settings
from slimbench.webapp.spec import Service

KEY = "slimbench"


@dataclass(frozen=True, slots=True)
class State:
    """All that a request's handling needs; one per application."""

    settings: Settings
    service: Service
    watching: Watching
    rate_limit: RateLimit | None


def attach(app: Flask, settings: Settings, service: Service) -> None:
    """Make an application's `State`."""
    state = State(
        settings=settings,
        service=service,
        watching=Watching(),
        rate_limit=None if settings.rate is None else RateLimit(settings.rate, settings.rate_burst),
    )
    for model in (service.stable, service.canary):
        if model is not None:
            state.watching.expect(model)
    state.watching.queue_depth.set_function(lambda: service.taken)
    app.extensions[KEY] = state


def of(app: Flask) -> State:
    """Return an application's."""
    return cast(State, app.extensions[KEY])


def current() -> State:
    """Return that of the application which handles the current request."""
    return of(current_app)
