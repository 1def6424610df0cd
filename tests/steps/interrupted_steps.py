"""Steps that end trainings before their time and run them again, also with damaged checkpoints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from slimbench.build.worker import run_resumed
from slimbench.spec import Step, Workplace
from tests.steps.tensorflow_steps import OfTensorFlow


class Killed(BaseException):
    """What a kill is to the code that it meets."""


@dataclass(frozen=True, slots=True)
class Interrupted(OfTensorFlow):
    """A training that is killed in its second epoch, and the same run again; see `interrupted`."""

    whole: Step
    first: Step | None = None
    second: Step | None = None
    third: Step | None = None
    stage: int = 1
    """Which of its trainings is killed, where a step has several."""

    def run(self, place: Workplace) -> None:
        inner = replace(place, inputs=place.inputs[1:])
        resume = kill_in_second_epoch(self.whole, inner, self.stage)
        progress = run_again(self.whole, inner, resume, place.out)
        (place.out / "progress").write_text("\n".join(progress))


def interrupted(step: Step, stage: int = 1) -> Interrupted:
    """Return the step that interrupts a training and goes on with it."""
    return Interrupted(step, *step.inputs, stage=stage)


@dataclass(frozen=True, slots=True)
class Damaged(OfTensorFlow):
    """The same training from a checkpoint that is damaged in one of several ways."""

    whole: Step
    damage: str
    first: Step | None = None
    second: Step | None = None

    def run(self, place: Workplace) -> None:
        inner = replace(place, inputs=place.inputs[1:])
        resume = kill_in_second_epoch(self.whole, inner)
        DAMAGES[self.damage](resume)
        out = place.out / "anew"
        out.mkdir()
        messages: list[str] = []
        run_resumed(self.whole, replace(inner, out=out, resume=resume, notify=messages.append))
        shutil.rmtree(resume)
        (place.out / "messages.json").write_text(json.dumps(messages), encoding="utf-8")


def kill_in_second_epoch(step: Step, place: Workplace, stage: int = 1) -> Path:
    """Return the folder of what a killed training left behind."""
    resume, out = place.out / "resume", place.out / "killed"
    resume.mkdir()
    out.mkdir()
    stages: list[float] = []
    """How far each training of the step came."""

    def killing(done: float, _: float, note: str = "") -> None:
        if not note.startswith("epoch"):
            return
        if not stages or done < stages[-1]:
            stages.append(done)
        stages[-1] = done
        if len(stages) == stage and done > 1.1:
            raise Killed

    try:
        step.run(replace(place, out=out, advance=killing, resume=resume))
    except Killed:
        shutil.rmtree(out)
        return resume
    raise AssertionError("The training came to its end.")


def run_again(step: Step, place: Workplace, resume: Path, out: Path) -> list[str]:
    """Run a step from what was left; return its notes of progress."""
    notes: list[str] = []

    def listening(_: float, __: float, note: str = "") -> None:
        notes.append(note)

    step.run(replace(place, out=out, advance=listening, resume=resume))
    shutil.rmtree(resume)
    return notes


def _only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no index": lambda folder: _only(folder, "ckpt*.index").unlink(),
    "empty data": lambda folder: _only(folder, "ckpt*.data*").write_bytes(b""),
    "short data": lambda folder: _only(folder, "ckpt*.data*").write_bytes(
        _only(folder, "ckpt*.data*").read_bytes()[:-100]
    ),
    "flipped bit": lambda folder: _flip(_only(folder, "ckpt*.data*")),
    "empty list": lambda folder: (folder / "checkpoint").write_text(""),
    "text": lambda folder: (folder / "checkpoint").write_text("this is no checkpoint"),
}
