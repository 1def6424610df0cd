"""Training a network from scratch on labelled images."""

from __future__ import annotations

from dataclasses import dataclass

from slimbench.networks import weights
from slimbench.networks.weights import Network
from slimbench.spec import Step, TrainingStep, Workplace
from slimbench.steps import images, training
from slimbench.steps.training import Batch, Schedule


@dataclass(frozen=True, slots=True)
class Train(TrainingStep):
    """Train a network on the train split with cross-entropy on its logits.

    `repeat` tells trainings with one seed apart: another beginning and another order. With
    `validated` it is scored on the validation split after every epoch.
    """

    images: Step
    network: Network
    schedule: Schedule
    repeat: int = 0
    validated: bool = False

    def versions(self) -> dict[str, str]:
        """Return also the network's."""
        return {**TrainingStep.versions(self), **self.network.versions()}

    def label(self) -> str:
        """Name the network."""
        width = self.network.width
        return self.network.name + ("" if width == 1.0 else f" of width {width}")

    def run(self, place: Workplace) -> None:
        """Write the trained network."""
        pixels, labels = images.training_images(place.inputs[0])
        training.set_seed(place.seed + 1000 * self.repeat)
        model = self.network.build()

        def epoch_data(epoch: int) -> Batch:
            number = self.schedule.view_of(epoch)
            augmentation = self.schedule.augmentation
            return training.view(pixels, number, place.seed, augmentation), labels

        score = None
        if self.validated:
            score = training.scorer(model, *images.validation_images(place.inputs[0]))
        share = training.fit(
            model,
            self.schedule,
            epoch_data,
            place,
            images=len(pixels),
            repeat=self.repeat,
            score=score,
        )
        notes = {} if share is None else {"validation_top1": share}
        weights.save(place.out, self.network, model, notes)
