"""The server of many tutorials, to compare with: one global interpreter in Flask's own server.

`python -m slimbench.serving.tutorial MODEL --port PORT [--lock]`. It loads the model once, decodes
a picture, sets the input, invokes and reads the scores, in whichever of the development server's
threads the request came to; two requests at once share the interpreter's tensors. With `--lock`
only one of them at a time does. The model's file, the runtime and what is made of the pixels are
the same as everywhere else in this project, so that what differs is the serving.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import threading
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from PIL import Image

from slimbench import engines
from slimbench.pixels import MODES
from slimbench.serving.messages import HOST
from slimbench.spec import PixelMode

TOP = 3


def create_app(
    model: Path, pixels: PixelMode, lock: contextlib.AbstractContextManager[Any]
) -> Flask:
    """Return the application; `lock` is held from setting the input to reading the scores."""
    app = Flask(__name__)
    interpreter = engines.get("litert").load(model, 1, pixels)
    height, width, channels = interpreter.input_shape[1:]

    @app.get("/")
    def index() -> ResponseReturnValue:
        return "POST a picture to /predict"

    @app.post("/predict")
    def predict() -> ResponseReturnValue:
        with Image.open(request.files["image"].stream) as opened:
            picture = opened.convert("L" if channels == 1 else "RGB").resize((width, height))
        image = np.asarray(picture, np.uint8).reshape(height, width, channels)
        with lock:
            interpreter.feed(image)
            interpreter.invoke()
            scores = interpreter.scores()
        best = np.argsort(-scores, kind="stable")[:TOP]
        return jsonify(
            predictions=[{"class": str(index), "score": float(scores[index])} for index in best],
            all_scores=[float(score) for score in scores],
        )

    return app


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pixels", choices=MODES, default="raw")
    parser.add_argument("--lock", action="store_true", help="one request at a time")
    given = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request would slow it down
    lock = threading.Lock() if given.lock else contextlib.nullcontext()
    create_app(given.model, given.pixels, lock).run(HOST, given.port, threaded=True)


if __name__ == "__main__":
    main()
