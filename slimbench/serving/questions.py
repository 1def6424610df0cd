"""What servers are asked, and what each has to answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slimbench.serving.answers import agrees
from slimbench.serving.messages import png, predict
from slimbench.serving.server_process import ServerFault, ServerProcess, exchange
from slimbench.spec import Pixels, Session

ANSWERED = ("predictions", "all_scores", "model")
"""The keys of an answer that have to be the same however busy a server is."""

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Questions:
    """Requests for predictions, and the scores that the engine gives those pictures."""

    requests: tuple[bytes, ...]
    scores: tuple[Scores, ...]


def questions(session: Session, images: Pixels) -> Questions:
    """Return one request for each image, with the scores the model gives it.

    Args:
        session: the model on the engine that scores it in the benchmark.
        images: of the model's size, shape (images, height, width, channels).
    """
    requests, scores = [], []
    for image in images:
        pixels = np.asarray(image)
        session.feed(pixels)
        session.invoke()
        scores.append(np.array(session.scores()))
        requests.append(predict(png(pixels)))
    return Questions(tuple(requests), tuple(scores))


def serial_answers(server: ServerProcess, asked: Questions) -> tuple[Any, ...]:
    """Return what a server answers when it is asked one thing at a time.

    Raises:
        ServerFault: An answer is missing, or is not what the model gives on the engine.
    """
    return tuple(
        _answer(server, request, scores)
        for request, scores in zip(asked.requests, asked.scores, strict=True)
    )


def _answer(server: ServerProcess, request: bytes, scores: Scores) -> dict[str, Any]:
    got = exchange(server.port, request)
    if got is None or got[0] != 200:
        what = "nothing" if got is None else f"status {got[0]}: {got[1][:200]!r}"
        raise ServerFault(f"{server.name} answered a single request with {what}")
    answer = json.loads(got[1])
    best = answer["predictions"][0]
    right = agrees(answer["all_scores"], [float(score) for score in scores])
    if not right or not agrees(best["score"], float(scores.max())):
        raise ServerFault(
            f"{server.name} does not give the model's scores: {answer['all_scores']} in place of "
            f"{scores.tolist()}"
        )
    return {key: answer[key] for key in ANSWERED if key in answer}
