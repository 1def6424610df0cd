"""A picture that finds no place, refused before the application sees it.

Under far too much load nearly every request is refused. In Flask that takes a third of the time of
an answer, and a thread that waits for Python's interpreter lock with all others: a refusal then
came after one or two seconds, and took the time of those that were answered.
"""

from __future__ import annotations

import time
from typing import Any

from werkzeug.http import parse_cookie

from slimbench.webapp import logs, metrics, problems
from slimbench.webapp.api import CLIENT_COOKIE, client_of
from slimbench.webapp.problems import Problem
from slimbench.webapp.state import State


def client(request: Any, address: str) -> str:
    """Return what tells a request's client from others, as `api.client_id` does."""
    headers = request.headers
    cookies = parse_cookie(headers.get("COOKIE"))
    return client_of(headers.get("X_CLIENT_ID"), cookies.get(CLIENT_COOKIE), address)


def refuse(state: State, request: Any, address: str, request_id: str) -> Problem:
    """Return what is said to a request without a place, which is counted and logged.

    Args:
        state: the application's.
        request: as waitress parsed it, with the `refusal` that it met.
        address: the client's.
        request_id: the request's.
    """
    model = state.service.choose(client(request, address))
    outcome = metrics.outcome(request.refusal)
    state.watching.count(model, outcome)
    problem = problems.of_refusal(request.refusal, state.settings.deadline_seconds)
    logs.request(
        request_id=request_id,
        method=request.command,
        path=request.path,
        status=problem.status,
        seconds=round(time.monotonic() - request.arrived, 6),
        model=model.name,
        version=model.version,
        outcome=outcome,
        problem=problem.slug,
        error=problem.detail,
    )
    return problem
