"""The training loop of every step that trains a network, with its checkpoint.

Each epoch depends on the seed and its own number alone: the order of the images, their changed
copies, and what dropout leaves out. A training that was killed goes on after its last finished
epoch and ends with the same weights as one that was not.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from slimbench.errors import DamagedCheckpoint
from slimbench.networks import keras
from slimbench.spec import Labels, Pixels, Workplace

MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
"""Of stochastic gradient descent; Adam has none."""

WARM_UP_SHARE = 0.05
"""The share of the steps over which the learning rate rises from a hundredth to its maximum."""

Batch = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""Images (any type that float32 holds) and targets, one row an image."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How training images are varied: moved by up to `shift` pixels each way, mirrored or not.

    What moves in at the edges is black, or the image `reflected` outwards.
    """

    shift: int
    mirrored: bool
    edges: Literal["black", "reflected"] = "reflected"


PHOTOGRAPHS = Augmentation(shift=4, mirrored=True)
SCANS = Augmentation(shift=2, mirrored=False, edges="black")
"""Of writing, which is not mirrored."""
UNCHANGED = Augmentation(shift=0, mirrored=False)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast a network is trained: a warm-up, then a cosine decay.

    `sgd` has Nesterov momentum and weight decay, `adam` neither. Epochs take `views` differently
    changed copies of the images in turn (a teacher can then answer each once); with 0 every epoch
    has a copy of its own.
    """

    epochs: int
    batch: int
    learning_rate: float
    views: int = 0
    augmentation: Augmentation = PHOTOGRAPHS
    optimizer: Literal["sgd", "adam"] = "sgd"

    def view_of(self, epoch: int) -> int:
        """Return the number of the view that an epoch is shown."""
        return epoch % self.views if self.views else epoch


def set_seed(seed: int) -> None:
    """Make TensorFlow repeat itself for this seed, initial weights included."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    keras().utils.set_random_seed(seed)


def view(images: Pixels, number: int, seed: int, augmentation: Augmentation) -> Pixels:
    """Return view `number` of images of shape (images, height, width, channels).

    It depends on its number and the seed alone, so a teacher that answered it once answered the
    very pictures that its students see.
    """
    rng = np.random.default_rng([seed, number])
    shift = augmentation.shift
    height, width = images.shape[1:3]
    edges = ((0, 0), (shift, shift), (shift, shift), (0, 0))
    padded = np.pad(images, edges, mode="constant" if augmentation.edges == "black" else "reflect")
    corners = rng.integers(0, 2 * shift + 1, (len(images), 2))
    mirrored = rng.random(len(images)) < 0.5
    moved = np.empty_like(images)
    for index, (top, left) in enumerate(corners):
        crop = padded[index, top : top + height, left : left + width]
        moved[index] = crop[:, ::-1] if augmentation.mirrored and mirrored[index] else crop
    return moved


def steps_per_epoch(images: int, batch: int) -> int:
    """Return the number of whole batches; a smaller last one would upset batch norm."""
    if images < batch:
        raise ValueError(f"{images} training images do not fill a batch of {batch}.")
    return images // batch


def cross_entropy() -> Any:
    """Return the loss of logits against class indices."""
    return keras().losses.SparseCategoricalCrossentropy(from_logits=True)


def fit(  # noqa: PLR0913 - a training is all of this
    model: Any,
    schedule: Schedule,
    epoch_data: Callable[[int], Batch],
    place: Workplace,
    *,
    images: int,
    loss: Any = None,
    repeat: int = 0,
    score: Callable[[], float] | None = None,
    callbacks: Sequence[Any] = (),
) -> float | None:
    """Train a model, from its last finished epoch where a checkpoint is there.

    All that changes while it learns must be among its and its optimiser's variables, as the masks
    of the pruning toolkit are, or follow from them.

    Args:
        model: its layers are trained in place.
        schedule: epochs, batch, learning rate and optimiser.
        epoch_data: the images and targets of an epoch, unshuffled.
        place: where progress is told and checkpoints are kept; its seed orders the images.
        images: their number in an epoch.
        loss: cross-entropy against class indices where none is given.
        repeat: tells trainings with one seed apart.
        score: the share of validation images that are right, told after each epoch.
        callbacks: further Keras callbacks.

    Returns:
        The last score, where there is one.

    Raises:
        FloatingPointError: The loss stopped being a number.
        DamagedCheckpoint: The checkpoint cannot be read.
    """
    steps = steps_per_epoch(images, schedule.batch)
    optimizer = _optimizer(schedule, schedule.epochs * steps)
    learner = _with_seeded_dropout(model, place.seed, optimizer)
    learner.compile(optimizer, loss or cross_entropy())
    optimizer.build(learner.trainable_variables)
    checkpoint = None if place.resume is None else _Checkpoint(place.resume, learner)
    done, share = checkpoint.restore() if checkpoint else (0, None)
    for epoch in range(done, schedule.epochs):
        pixels, targets = epoch_data(epoch)
        rng = np.random.default_rng([place.seed, repeat, epoch])
        order = rng.permutation(images)[: steps * schedule.batch]
        progress = _Progress(place, epoch, steps, schedule.epochs, share)
        history = learner.fit(
            pixels[order].astype(np.float32),
            targets[order],
            batch_size=schedule.batch,
            shuffle=False,
            verbose=0,
            callbacks=[*callbacks, keras().callbacks.LambdaCallback(on_batch_end=progress)],
        )
        mean_loss = float(history.history["loss"][-1])
        if not np.isfinite(mean_loss):
            raise FloatingPointError(f"The loss became {mean_loss} in epoch {epoch + 1}.")
        share = score() if score else None
        if checkpoint:
            checkpoint.save(epoch + 1, share)
    if not all(np.isfinite(array).all() for array in model.get_weights()):
        raise FloatingPointError("Training ended with weights that are not numbers.")
    return share


def scorer(model: Any, images: npt.NDArray[Any], labels: Labels) -> Callable[[], float]:
    """Return a function that scores a model on validation images, as a share in [0, 1]."""

    def score() -> float:
        answers = model.predict(images.astype(np.float32), batch_size=250, verbose=0)
        return float((answers.argmax(axis=1) == labels).mean())

    return score


def stored_array(path: Path, compute: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return an array from the disk, mapped into memory, computing it where it is not there.

    One that cannot be read, as after a full disk, is computed again.
    """
    with contextlib.suppress(OSError, ValueError, EOFError):
        stored: npt.NDArray[Any] = np.load(path, mmap_mode="r")
        return stored
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial-{path.name}")
    np.save(partial, compute())
    partial.replace(path)
    computed: npt.NDArray[Any] = np.load(path, mmap_mode="r")
    return computed


def _optimizer(schedule: Schedule, steps: int) -> Any:
    optimizers = keras().optimizers
    warm_up = max(1, int(WARM_UP_SHARE * steps))
    rate = optimizers.schedules.CosineDecay(
        schedule.learning_rate / 100,
        steps - warm_up,
        warmup_target=schedule.learning_rate,
        warmup_steps=warm_up,
    )
    if schedule.optimizer == "adam":
        return optimizers.Adam(rate)
    return optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY)


def _with_seeded_dropout(model: Any, seed: int, optimizer: Any) -> Any:
    """Return a model with the same layers, whose dropout follows from the seed and the step.

    Keras hides how far its own dropout has drawn, so a training could not go on with it. The step
    is the optimiser's, which checkpoints hold; each layer's name tells its draws from others'.
    """
    import tensorflow as tf

    layers = keras().layers
    if not any(isinstance(layer, layers.Dropout) for layer in model.layers):
        return model

    class SeededDropout(layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, rate: float, noise_shape: Any, **options: Any) -> None:
            super().__init__(**options)
            self.rate = rate
            self.noise_shape = noise_shape

        def call(self, inputs: Any, training: bool | None = None) -> Any:
            if not training:
                return inputs
            shape = None
            if self.noise_shape is not None:
                shape = [
                    tf.shape(inputs)[axis] if size is None else size
                    for axis, size in enumerate(self.noise_shape)
                ]
            layer_seed = tf.constant(zlib.crc32(self.name.encode()) + (seed << 32), tf.int64)
            step = tf.cast(optimizer.iterations, tf.int64)
            return tf.nn.experimental.stateless_dropout(
                inputs, self.rate, tf.stack([layer_seed, step]), noise_shape=shape
            )

    def seeded(layer: Any) -> Any:
        if isinstance(layer, layers.Dropout):
            return SeededDropout(layer.rate, layer.noise_shape, name=layer.name)
        return layer

    return keras().models.clone_model(model, clone_function=seeded)


class _Checkpoint:
    """Weights and optimiser state after the last finished epoch, in TensorFlow's own format."""

    def __init__(self, folder: Path, model: Any) -> None:
        import tensorflow as tf

        self._folder = folder
        self._done = tf.Variable(0, dtype=tf.int64)
        self._score = tf.Variable(np.nan, dtype=tf.float64)
        self._state = tf.train.Checkpoint(
            model=model, optimizer=model.optimizer, done=self._done, score=self._score
        )
        try:
            # It writes a new checkpoint whole before it takes the older one away.
            self._manager = tf.train.CheckpointManager(self._state, str(folder), max_to_keep=1)
        except ValueError as error:
            raise DamagedCheckpoint("its index cannot be read") from error

    def restore(self) -> tuple[int, float | None]:
        """Return how many epochs are finished, and the score after them."""
        import tensorflow as tf

        latest = self._manager.latest_checkpoint
        if latest is None:
            if (self._folder / "checkpoint").exists():
                raise DamagedCheckpoint("its index cannot be read")
            return 0, None
        try:
            self._state.restore(latest).assert_consumed()
        except (tf.errors.OpError, AssertionError, LookupError, OSError, ValueError) as error:
            raise DamagedCheckpoint(f"{type(error).__name__} on reading it") from error
        score = float(self._score.numpy())
        return int(self._done.numpy()), None if np.isnan(score) else score

    def save(self, done: int, score: float | None) -> None:
        """Write the state after `done` epochs."""
        self._done.assign(done)
        self._score.assign(np.nan if score is None else score)
        self._manager.save()


@dataclass(frozen=True, slots=True)
class _Progress:
    """Keras's end of a batch as progress in epochs."""

    place: Workplace
    epoch: int
    steps: int
    epochs: int
    score: float | None

    def __call__(self, batch: int, logs: Any) -> None:  # noqa: ARG002 - Keras passes it by name
        done = self.epoch + (batch + 1) / self.steps
        so_far = "" if self.score is None else f", {self.score:.1%} of validation right"
        self.place.advance(done, self.epochs, f"epoch {self.epoch + 1} of {self.epochs}{so_far}")
