"""Time the tutorials' way to four models against the chains' way, in turns.

The tutorials' way: Keras 2 networks, each handed to `TFLiteConverter.from_keras_model` once for the
float file and once more with `Optimize.DEFAULT` for the dynamic-range file, each file timed by 50
invocations. The chains' way: the same four files by this suite's steps from an empty store, the
same 50 invocations. Each way is one process from its start to its end, TensorFlow's import
included; weights are random, since time does not depend on them.

    .venv/bin/python scripts/compare_with_tutorial.py --turns 3 --out seconds.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.whole_file import write_text

INVOCATIONS = 50
STEMS = ("resnet50", "mobilenetv2")

TUTORIAL = f"""
import time
import numpy as np
import tensorflow as tf

applications = tf.keras.applications
for make in (applications.ResNet50, applications.MobileNetV2):
    model = make(weights=None)
    for quantised in (False, True):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if quantised:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        interpreter = tf.lite.Interpreter(model_content=converter.convert())
        interpreter.allocate_tensors()
        details = interpreter.get_input_details()[0]
        image = np.random.default_rng(0).random(details["shape"], dtype=np.float32)
        interpreter.set_tensor(details["index"], image)
        for _ in range({INVOCATIONS}):
            interpreter.invoke()
"""

CHAINS = f"""
import numpy as np
from rich.console import Console
from bench import engines, variants
from bench.progress import BuildProgress
from bench.spec import MODEL_FILE, Choices
from bench.steps.build import build
from bench.steps.store import Store

if __name__ == "__main__":
    made = variants.all_variants("imagenet", Choices(weights="random"))
    chains = [made[f"{{stem}}_{{form}}"].chain
              for stem in {STEMS!r} for form in ("f32", "dynamic_wi8")]
    store = Store()
    store.prepare()
    with BuildProgress(Console(stderr=True)) as progress:
        results = build(chains, 0, store, progress).results
    for chain in chains:
        session = engines.get("litert").load(results[chain].file(MODEL_FILE), 1)
        shape = session.input_shape[1:]
        session.feed(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
        for _ in range({INVOCATIONS}):
            session.invoke()
"""


def main() -> None:
    """Take turns, print the seconds and the ratio of each, and save them if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    turns = []
    for turn in range(arguments.turns):
        ways = {"tutorial": TUTORIAL, "chains": CHAINS}
        order = sorted(ways, reverse=bool(turn % 2))
        seconds = {way: timed(ways[way]) for way in order}
        ratio = seconds["chains"] / seconds["tutorial"]
        turns.append({**seconds, "ratio": ratio})
        print(
            f"tutorial {seconds['tutorial']:.1f} s, chains {seconds['chains']:.1f} s: {ratio:.2f}"
        )
    median = statistics.median(each["ratio"] for each in turns)
    print(f"median ratio {median:.2f}")
    if arguments.out:
        write_text(
            arguments.out, json.dumps({"turns": turns, "median_ratio": median}, indent=1) + "\n"
        )


def timed(code: str) -> float:
    """Return the seconds of one way, in a process and a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "way.py"
        script.write_text(code, encoding="utf-8")
        environment = {
            **os.environ,
            "SLIMBENCH_STORE": str(Path(folder) / "store"),
            "TF_USE_LEGACY_KERAS": "1",
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        }
        started = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, str(script)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
    if ended.returncode:
        sys.exit(f"One way failed:\n{ended.stderr[-2000:]}")
    return seconds


if __name__ == "__main__":
    main()
