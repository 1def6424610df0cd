"""Steps that do nothing but what a test wants to see; importable in the child that runs them."""

from __future__ import annotations

import ctypes
import errno
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from slimbench.errors import Unavailable, UsageProblem
from slimbench.spec import Step, Toolchain, Workplace

NOTE_FILE = "note.txt"


@dataclass(frozen=True, slots=True)
class Sample(Step):
    """Writes its name after its inputs' names; every run adds a line to the diary."""

    name: str
    diary: str
    first: Step | None = None
    second: Step | None = None

    def label(self) -> str:
        return self.name

    def title(self) -> str:
        return f"making {self.name}"

    def cost(self) -> float:
        return 1.0

    def run(self, place: Workplace) -> None:
        with Path(self.diary).open("a", encoding="utf-8") as diary:
            diary.write(f"{self.name} {os.getpid()}\n")
        self.work(place)
        before = [(folder / NOTE_FILE).read_text(encoding="utf-8") for folder in place.inputs]
        (place.out / NOTE_FILE).write_text("".join([*before, self.name]), encoding="utf-8")

    def work(self, place: Workplace) -> None:
        """What kinds of sample differ in."""


@dataclass(frozen=True, slots=True)
class OfQuantizer(Sample):
    """Runs in the child of another toolchain."""

    toolchain: ClassVar[Toolchain] = "quantizer"


@dataclass(frozen=True, slots=True)
class Seeded(Sample):
    seeded: ClassVar[bool] = True

    def work(self, place: Workplace) -> None:
        (place.out / "seed.txt").write_text(str(place.seed), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Failing(Sample):
    def work(self, place: Workplace) -> None:
        (place.out / "half.txt").write_text("half", encoding="utf-8")
        raise ValueError(f"the {self.name} is burnt")


@dataclass(frozen=True, slots=True)
class Refusing(Sample):
    def work(self, place: Workplace) -> None:  # noqa: ARG002
        raise UsageProblem(f"The {self.name} is too hot. Wait.")


@dataclass(frozen=True, slots=True)
class Lacking(Sample):
    def work(self, place: Workplace) -> None:  # noqa: ARG002
        raise Unavailable(f"no {self.name} in the shop")


@dataclass(frozen=True, slots=True)
class Dying(Sample):
    def work(self, place: Workplace) -> None:  # noqa: ARG002
        print("last words")  # noqa: T201 - what goes to the log
        os.kill(os.getpid(), 9)


@dataclass(frozen=True, slots=True)
class Chatty(Sample):
    def work(self, place: Workplace) -> None:  # noqa: ARG002
        print("said by print")  # noqa: T201 - what goes to the log
        os.write(1, b"written to descriptor 1\n")
        os.write(2, b"written to descriptor 2\n")
        libc = ctypes.CDLL(None)
        libc.puts(b"said by C")
        libc.fflush(None)


@dataclass(frozen=True, slots=True)
class Advancing(Sample):
    def work(self, place: Workplace) -> None:
        place.advance(0.5, 2, "warming up")
        place.advance(2, 2, "done")


@dataclass(frozen=True, slots=True)
class Gated(Sample):
    """Writes half of a file, then waits until the gate is gone."""

    gate: str = ""

    def work(self, place: Workplace) -> None:
        (place.out / "big.bin").write_bytes(b"half")
        while Path(self.gate).exists():
            time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Big(Sample):
    """Writes megabytes, as plain bytes or as numpy writes an array."""

    mebibytes: int = 1
    how: str = "bytes"

    def work(self, place: Workplace) -> None:
        content = np.ones(self.mebibytes << 20, np.uint8)
        if self.how == "bytes":
            (place.out / "big.bin").write_bytes(content.tobytes())
        else:
            np.save(place.out / "big.npy", content)


@dataclass(frozen=True, slots=True)
class FullForGood(Sample):
    """Another program fills the disk to the last byte while the step runs."""

    ballast: str = ""

    def work(self, place: Workplace) -> None:  # noqa: ARG002
        with Path(self.ballast).open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))


@dataclass(frozen=True, slots=True)
class NoSpace(Sample):
    """What a full disk looks like to a step, where none can be mounted."""

    number: int = errno.ENOSPC

    def work(self, place: Workplace) -> None:  # noqa: ARG002
        raise OSError(self.number, os.strerror(self.number), "weights.npz")
