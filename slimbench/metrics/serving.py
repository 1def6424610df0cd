"""How a model behaves behind a server, ours and the tutorials', in one run.

`serving` holds everything that was measured of each server; the other keys are what budgets are
held against, all of our server as it is shipped: with batches where they pay, else without.
"""

from __future__ import annotations

import numpy as np

from slimbench.serving.figures import (
    BATCHING,
    LOCKED,
    PLAIN,
    TUTORIAL,
    Comparison,
    Conditions,
    paired_ratio,
)
from slimbench.spec import Figure, Group, Kind, Metric, Pixels, Reading, Subject, Unmeasured

NO_RIGHT = "one of the two gave no right answer in some round"
NOT_LIVE = "more than 1 % of the probes got no answer from /livez"
NOT_ITSELF = "it did not serve as before while it was watched"
NOT_SERVED = "only LiteRT with 1 thread is served"

FIGURES = (
    Figure(
        "serving_throughput_ratio",
        "ratio",
        better="more",
        label="Right answers a second, against the tutorials' server",
        label_fr="Réponses justes par seconde, face au serveur des tutoriels",
    ),
    Figure(
        "serving_throughput_locked_ratio",
        "ratio",
        better="more",
        label="Right answers a second, against that server with a lock",
        label_fr="Réponses justes par seconde, face à ce serveur avec verrou",
    ),
    Figure(
        "serving_batching_ratio",
        "ratio",
        better="more",
        label="Right answers a second, with batches against without",
        label_fr="Réponses justes par seconde, avec lots face à sans",
        budgets=(),
    ),
    Figure(
        "serving_right_per_s",
        "per_s",
        better="more",
        label="Right answers",
        label_fr="Réponses justes",
    ),
    Figure(
        "serving_rate_per_s",
        "per_s",
        better="more",
        label="Rate kept",
        label_fr="Cadence tenue",
    ),
    Figure(
        "serving_p90_ms",
        "ms",
        better="less",
        label="p90 of a request",
        label_fr="p90 d'une requête",
    ),
    Figure(
        "serving_wrong",
        "count",
        better="less",
        label="Wrong answers",
        label_fr="Réponses fausses",
    ),
    Figure(
        "serving_failed",
        "count",
        better="less",
        label="Failed requests",
        label_fr="Requêtes en échec",
    ),
    Figure(
        "serving_start_ms",
        "ms",
        better="less",
        label="Start of the server",
        label_fr="Démarrage du serveur",
    ),
    Figure(
        "serving_memory_ratio",
        "ratio",
        better="less",
        label="Memory, against the server with TensorFlow",
        label_fr="Mémoire, face au serveur avec TensorFlow",
    ),
    Figure(
        "serving_overload_failed",
        "count",
        better="less",
        label="Failed requests under overload",
        label_fr="Requêtes en échec en surcharge",
    ),
    Figure(
        "serving_livez_p99_ms",
        "ms",
        better="less",
        label="p99 of /livez under overload",
        label_fr="p99 de /livez en surcharge",
    ),
    Figure(
        "serving_recovery_s",
        "s",
        better="less",
        label="Recovery after overload",
        label_fr="Rétablissement après surcharge",
    ),
)


def summarise(measured: Comparison) -> Reading:
    """Return the keys of a comparison."""
    servers = measured.servers
    ours = servers[measured.shipped]
    heavy = measured.resident_tensorflow_mib
    if heavy is None or ours.resident_mib is None:
        reason = measured.tensorflow_reason or ours.reasons.get("resident_mib", "")
        memory: float | Unmeasured = Unmeasured(reason)
    else:
        memory = ours.resident_mib / heavy

    def ratio(one: str, other: str) -> float | Unmeasured:
        value = paired_ratio(servers[one], servers[other])
        reasons = servers[other].reasons
        return Unmeasured(reasons.get("right_per_s", NO_RIGHT)) if value is None else value

    def own(key: str) -> float | Unmeasured:
        value: float | None = getattr(ours, key)
        return Unmeasured(ours.reasons.get(key, "it was not measured")) if value is None else value

    return {
        "serving": measured.as_json(),
        "serving_throughput_ratio": ratio(measured.shipped, TUTORIAL),
        "serving_throughput_locked_ratio": ratio(measured.shipped, LOCKED),
        "serving_batching_ratio": ratio(BATCHING, PLAIN),
        "serving_right_per_s": own("right_per_s"),
        "serving_rate_per_s": own("rate_per_s"),
        "serving_p90_ms": own("single_p90_ms"),
        "serving_wrong": own("wrong"),
        "serving_failed": own("failed"),
        "serving_start_ms": measured.command_start_ms,
        "serving_memory_ratio": memory,
        **_overloaded(measured),
    }


def _overloaded(measured: Comparison) -> Reading:
    over = measured.overload
    if over is None:
        keys = ("serving_overload_failed", "serving_livez_p99_ms", "serving_recovery_s")
        return dict.fromkeys(keys, Unmeasured(measured.overload_reason))
    livez, recovery = over.livez_p99_ms, over.recovery_s
    return {
        "serving_overload_failed": over.failed,
        "serving_livez_p99_ms": Unmeasured(NOT_LIVE) if livez is None else livez,
        "serving_recovery_s": Unmeasured(NOT_ITSELF) if recovery is None else recovery,
    }


class Serving:
    """The figures of our server and the tutorials', in the benchmark `test_serving.py`."""

    keys: tuple[str, ...] = ("serving", *(figure.key for figure in FIGURES))
    figures: tuple[Figure, ...] = FIGURES
    group: Group = "serving"
    kind: Kind = "measure"

    def read(self, subject: Subject) -> Reading:
        """Start all servers with the model and put them under load; takes some minutes.

        Raises:
            ValueError: Our server does not start, dies, or gives other answers than the engine.
        """
        if (subject.case.engine, subject.case.threads) != ("litert", 1):
            return dict.fromkeys(self.keys, Unmeasured(NOT_SERVED))
        # A run that serves nothing needs neither a server's packages nor the time to import them.
        from slimbench.serving.comparison import compare  # noqa: PLC0415
        from slimbench.serving.servers import ServedModel  # noqa: PLC0415

        shape = subject.session.input_shape[1:]
        model = ServedModel(subject.model, subject.pixels, shape)
        return summarise(compare(model, pictures(subject), Conditions()))


PICTURES = 64
"""How many different pictures are sent in turn."""


def pictures(subject: Subject) -> Pixels:
    """Return the images that are sent: the first that are scored, or noise where there are none."""
    if len(subject.images):
        return np.asarray(subject.images[:PICTURES])
    shape = (PICTURES, *subject.session.input_shape[1:])
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


METRICS: tuple[Metric, ...] = (Serving(),)
