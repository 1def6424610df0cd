"""A request without a server: it asks a service for an answer."""

from __future__ import annotations

import time

from slimbench.webapp.inference import Serving
from slimbench.webapp.spec import Answer, ServedModel
from tests.webapp.runners import STABLE, picture


def ask(service: Serving, value: int, model: ServedModel = STABLE, seconds: float = 60.0) -> Answer:
    with service.enter(model) as place:
        return place.answer(picture(value), model, time.monotonic() + seconds)
