"""All models that are served: places for pictures, and the choice between stable and canary.

A share of the clients gets the canary, always the same ones.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
from collections.abc import Callable, Mapping
from concurrent import futures
from dataclasses import dataclass
from functools import partial
from typing import Self

from slimbench.errors import UsageProblem
from slimbench.spec import Pixels
from slimbench.webapp.inference.pool import Pool
from slimbench.webapp.inference.runner import Opened, batching_pays, open_runner
from slimbench.webapp.manifest import Models
from slimbench.webapp.settings import BATCH
from slimbench.webapp.spec import Answer, Busy, Draining, Place, ServedModel

_BITS = 53
"""So many a float holds exactly, so that a position is less than 1 for every client."""


def position(client: str) -> float:
    """Return where a client stands in [0, 1), evenly spread and always the same."""
    digest = hashlib.sha256(client.encode("utf-8", "surrogatepass")).digest()
    return float((int.from_bytes(digest[:8]) >> (64 - _BITS)) / 2**_BITS)


def in_canary(client: str, weight: float) -> bool:
    """Tell whether a client gets the canary of this weight, a share in [0, 1].

    The clients of a weight are among those of every higher one: raising it moves nobody out.
    """
    return position(client) < weight


log = logging.getLogger(__name__)

Load = Callable[[ServedModel, int], Opened]

LEAST_CANARY_SHARE = 0.5
"""Of the places, a canary may have so many or its weight, so that a slow one leaves stable some."""


def open_service(  # noqa: PLR0913 - what is served, and each thing that is chosen about it
    models: Models,
    *,
    workers: int,
    queue: int,
    batching: bool | None = None,
    batch: int = BATCH,
    wait: bool = True,
    load: Load = open_runner,
) -> Serving:
    """Start serving models; each has `workers` interpreters, and there are workers + queue places.

    Args:
        models: what is served.
        workers: how many interpreters, of stable and of the canary each.
        queue: how many pictures may wait beyond those that are computed on.
        batching: whether all that is waiting is taken at once, up to `batch` pictures;
            None measures when a model is loaded whether that pays.
        batch: how many pictures an interpreter takes at once, at most.
        wait: whether to return only when the models are loaded and warmed up. If not,
            `wait_until_ready` does, and meanwhile nothing is taken.
        load: what loads a model once, given it and its largest batch.

    Raises:
        UsageProblem: There is no worker, or LiteRT cannot run the stable version. A canary that
            it cannot run is left out, and `canary_problem` says why.
    """
    if workers < 1 or queue < 0:
        raise UsageProblem(
            f"There must be 1 worker or more and a queue of 0 or more, not {workers} and {queue}."
        )
    sizes = _Sizes(workers, workers + queue, batch)
    serving = Serving(models, sizes, batching, load)
    if wait:
        serving.wait_until_ready()
    return serving


@dataclass(frozen=True, slots=True)
class _Sizes:
    """How many interpreters a model has, requests may be inside, and pictures are in a batch."""

    workers: int
    places: int
    batch: int


class Serving:
    """Implements `Service`."""

    def __init__(self, models: Models, sizes: _Sizes, batching: bool | None, load: Load) -> None:
        self.stable = models.stable
        self.canary: ServedModel | None = None
        self.canary_problem = models.canary_problem
        self.workers = sizes.workers
        self.places = sizes.places
        """How many requests may be inside at once."""
        self._weight = models.weight
        self._batching = batching
        self._batch = sizes.batch
        self._load_model = load
        self._pools: dict[str, Pool] = {}
        self._taken = self._taken_by_canary = 0
        canary_share = max(models.weight, LEAST_CANARY_SHARE)
        self._canary_places = math.ceil(self.places * canary_share)
        self._open = self._draining = False
        self._lock = threading.Lock()
        self._empty = threading.Condition(self._lock)
        executor = futures.ThreadPoolExecutor(1, thread_name_prefix="loading")
        self._loaded = executor.submit(self._load, models)
        executor.shutdown(wait=False)

    @property
    def ready(self) -> bool:
        """Whether every worker is warmed up and nothing is being drained."""
        return self._open and not self._draining

    @property
    def taken(self) -> int:
        """How many places are taken now."""
        return self._taken

    @property
    def waiting(self) -> int:
        """How many pictures wait for an interpreter now."""
        return sum(pool.waiting for pool in self._pools.values())

    @property
    def unbatched(self) -> Mapping[str, str]:
        """By version, why pictures are answered singly although batches were asked for."""
        return {version: pool.unbatched for version, pool in self._pools.items() if pool.unbatched}

    def wait_until_ready(self, seconds: float | None = None) -> None:
        """Wait for the models to be loaded and warmed up.

        Raises:
            UsageProblem: LiteRT cannot run the stable version.
            TimeoutError: It took longer.
        """
        self._loaded.result(seconds)

    def choose(self, client: str) -> ServedModel:
        """Return stable or canary for a client id, always the same for the same weight."""
        canary = self.canary
        if canary is not None and in_canary(client, self._weight):
            return canary
        return self.stable

    def at_once(self, model: ServedModel) -> int:
        """Return how many of a model's pictures are worked on at once: a batch an interpreter."""
        return self.workers * self._pools[model.version].most

    def enter(self, model: ServedModel | None = None) -> Place:
        """Take a place for a model, stable by default; raises Busy or Draining."""
        for_canary = model is not None and model is self.canary
        with self._lock:
            if not self._open or self._draining:
                raise Draining("The server is going down or not warmed up yet.")
            has_share = not for_canary or self._taken_by_canary < self._canary_places
            if has_share and self._taken < self.places:
                self._taken += 1
                self._taken_by_canary += for_canary
                return Seat(self, for_canary)
        raise Busy(self.retry_after())

    def retry_after(self) -> int:
        """Return in how many seconds those inside will have been answered, at least 1."""
        slowest = max(pool.seconds for pool in self._pools.values())
        return max(1, math.ceil(self.places * slowest / self.workers))

    def answer(self, pixels: Pixels, model: ServedModel, deadline: float) -> Answer:
        """Answer for a `Seat`; raises Late or Failed."""
        return self._pools[model.version].answer(pixels, deadline)

    def leave(self, for_canary: bool) -> None:
        """Give a place back."""
        with self._lock:
            self._taken -= 1
            self._taken_by_canary -= for_canary
            if not self._taken:
                self._empty.notify_all()

    def drain(self, seconds: float) -> bool:
        """Take nothing new and wait for what was accepted; False if it took longer."""
        with self._lock:
            self._draining = True
            return self._empty.wait_for(lambda: not self._taken, seconds)

    def close(self) -> None:
        """Take nothing new, let those inside be answered, and free the models."""
        with self._lock:
            self._draining = True
        futures.wait([self._loaded])
        for pool in self._pools.values():
            pool.close()

    def _load(self, models: Models) -> None:
        try:
            self._start(models.stable)
        except (ValueError, RuntimeError, OSError) as error:
            raise UsageProblem(f"{_named(models.stable)} cannot be served: {error}") from error
        if models.canary is not None:
            try:
                self._start(models.canary)
                self.canary = models.canary
            except Exception as error:  # noqa: BLE001 - whatever is wrong, stable is served
                self.canary_problem = f"{_named(models.canary)} cannot be served: {error}"
                log.warning("%s", self.canary_problem)
        self._open = True

    def _start(self, model: ServedModel) -> None:
        batching = self._batching
        if batching is None:
            batching = batching_pays(model, self._batch)
        pool = Pool(model)
        pool.open(self.workers, partial(self._load_model, model, self._batch if batching else 1))
        self._pools[model.version] = pool


class Seat:
    """Implements `Place`."""

    __slots__ = ("_for_canary", "_held", "_serving")

    def __init__(self, serving: Serving, for_canary: bool) -> None:
        self._serving = serving
        self._for_canary = for_canary
        self._held = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._held:
            self._held = False
            self._serving.leave(self._for_canary)

    def answer(self, pixels: Pixels, model: ServedModel, deadline: float) -> Answer:
        """Wait for the answer until `deadline` (of `time.monotonic`); raises Late or Failed."""
        return self._serving.answer(pixels, model, deadline)


def _named(model: ServedModel) -> str:
    return f"{model.name}, version {model.version},"
