"""Time the tutorials' way to four models against the chains' way, in turns.

The tutorials' way: Keras 2 networks, each handed to `TFLiteConverter.from_keras_model` once for the
float file and once more with `Optimize.DEFAULT` for the dynamic-range file, each file timed by 50
invocations. The chains' way: the same four files by this suite's steps from an empty store, the
same 50 invocations. Each way is timed from its process's start to its end, TensorFlow's import
included; weights are random, since time does not depend on them. Beside the seconds stand those of
CPU time, which other programs on the machine change less.

    .venv/bin/python scripts/compare_with_tutorial.py --turns 3 --out seconds.json
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from slimbench.atomic_write import write_text

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
from slimbench import engines
from slimbench.suite import variants
from slimbench.progress import BuildProgress
from slimbench.spec import MODEL_FILE, Choices
from slimbench.build.scheduler import build
from slimbench.build.store import Store

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
    turns, ratios = [], []
    for turn in range(arguments.turns):
        ways = {"tutorial": TUTORIAL, "chains": CHAINS}
        order = sorted(ways, reverse=bool(turn % 2))
        taken = {way: timed(ways[way]) for way in order}
        tutorial, chains = taken["tutorial"], taken["chains"]
        ratio, cpu_ratio = chains.seconds / tutorial.seconds, chains.cpu / tutorial.cpu
        of_ways = {way: dataclasses.asdict(each) for way, each in taken.items()}
        turns.append({**of_ways, "ratio": ratio, "cpu_ratio": cpu_ratio})
        ratios.append(ratio)
        print(
            f"tutorial {tutorial.seconds:.1f} s, chains {chains.seconds:.1f} s: {ratio:.2f}; "
            f"of CPU time {tutorial.cpu:.1f} s and {chains.cpu:.1f} s: {cpu_ratio:.2f}"
        )
    median = statistics.median(ratios)
    print(f"median ratio {median:.2f}")
    if arguments.out:
        write_text(
            arguments.out, json.dumps({"turns": turns, "median_ratio": median}, indent=1) + "\n"
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """What one way took: seconds on the clock, and of CPU time with all that it started."""

    seconds: float
    cpu: float


def timed(code: str) -> Taken:
    """Return what one way takes, in a process and a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "way.py"
        script.write_text(code, encoding="utf-8")
        environment = {
            **os.environ,
            "SLIMBENCH_STORE": str(Path(folder) / "store"),
            "TF_USE_LEGACY_KERAS": "1",
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        }
        started, cpu_before = time.perf_counter(), cpu_of_children()
        ended = subprocess.run(
            [sys.executable, str(script)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        taken = Taken(time.perf_counter() - started, cpu_of_children() - cpu_before)
    if ended.returncode:
        sys.exit(f"One way failed:\n{ended.stderr[-2000:]}")
    return taken


def cpu_of_children() -> float:
    """Return the CPU seconds of all processes that ended below this one, theirs included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
