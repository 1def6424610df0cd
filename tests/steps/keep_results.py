"""The small results of every step, as they are kept in `kept_results.json`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from slimbench import networks
from slimbench.build.scheduler import Failure
from slimbench.build.store import Store
from slimbench.spec import Step
from slimbench.steps.calibration_photos import CalibrationPhotos
from slimbench.steps.gzip_size import GzipSize
from slimbench.steps.images import FewImages, Images
from tests.build.recorder import made
from tests.steps import small_chains as small
from tests.steps.built_steps import BUILT, VALIDATED
from tests.steps.kept_steps import ARCHITECTURES, OFFERED, PHOTOGRAPHS, USERS, WORKLOAD, summary

FILE = Path(__file__).with_name("kept_results.json")
KEPT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}

RELATIVE = 0.01
"""How far numbers may lie apart on another processor, in trainings of a few updates."""

DIGITS = Images("digits")
EXAMPLES: dict[str, tuple[Step, str]] = {
    "Images": (DIGITS, ""),
    "FewImages": (FewImages(DIGITS, 3, 2), ""),
    "CalibrationPhotos": (CalibrationPhotos(20, 16), ""),
    "PhotoSplits": (PHOTOGRAPHS, "PhotoSplits"),
    "EvaluationPhotos": (PHOTOGRAPHS, "EvaluationPhotos"),
    "TrainingPhotos": (PHOTOGRAPHS, "TrainingPhotos"),
    "Train": (small.TRAINED, ""),
    "Train, residual": (small.ALONE, ""),
    "TeacherAnswers": (small.ANSWERS, ""),
    "Distill, stored answers": (small.TAUGHT, ""),
    "Distill, live teacher": (small.LIVE, ""),
    "Pretrained": (OFFERED, ""),
    "RandomWeights": (small.PRETRAINED, ""),
    "FineTune": (small.TUNED, ""),
    "FineTune, head alone": (small.TUTORIAL, ""),
    "Prune": (small.SCATTERED, ""),
    "Prune, blocks": (small.BLOCKS, ""),
    "Prune, above a cut": (small.ABOVE_CUT, ""),
    "QuantizeAware": (small.QAT, ""),
    "QuantizeAware, zeros kept": (small.PQAT, ""),
    "Export": (small.FLOAT.inputs[0], ""),
    "Convert": (small.FLOAT, ""),
    "Convert, weights": (small.FILES["converter_dynamic_wi8"], ""),
    "Convert, rounding network": (small.AWARE_FILES["qat"], ""),
    "Quantize, f16": (small.FILES["f16"], ""),
    "Quantize, dynamic": (small.FILES["dynamic_wi8"], ""),
    "Quantize, averaged": (small.STATIC, ""),
    "Quantize, widest": (small.FILES["static_wi8_ai8 widest"], ""),
    "Validate": (VALIDATED, ""),
    "GzipSize": (GzipSize(small.FLOAT), ""),
    "OwnFile": (PHOTOGRAPHS, "OwnFile"),
    "OwnPrune": (USERS, "OwnPrune"),
    "OwnConvert": (USERS, "OwnConvert"),
    "Workload": (WORKLOAD, ""),
}
"""Steps by class and what is special, each with the folder in its result that is compared."""

SLOW_EXAMPLES = frozenset(
    {"QuantizeAware", "QuantizeAware, zeros kept", "Convert, rounding network"}
)
SLOW_TARGETS = tuple(EXAMPLES[name][0] for name in sorted(SLOW_EXAMPLES))
TARGETS = tuple(
    dict.fromkeys(step for name, (step, _) in EXAMPLES.items() if name not in SLOW_EXAMPLES)
)


def difference(kept: Any, found: Any, place: str = "") -> str:
    """Return where two results differ, nothing where they are the same."""
    if isinstance(kept, dict) and isinstance(found, dict):
        if kept.keys() != found.keys():
            return f"{place}: {sorted(kept.keys() ^ found.keys())}"
        parts = [difference(kept[name], found[name], f"{place}/{name}") for name in kept]
        return next(filter(None, parts), "")
    if isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        parts = [
            difference(*pair, f"{place}[{i}]")
            for i, pair in enumerate(zip(kept, found, strict=True))
        ]
        return next(filter(None, parts), "")
    if isinstance(kept, float) and isinstance(found, float):
        near = abs(kept - found) <= RELATIVE * max(abs(kept), abs(found)) + 1e-4
        return "" if near else f"{place}: {found:.6g}, kept {kept:.6g}"
    return "" if kept == found else f"{place}: {found}, kept {kept}"


def networks_of(folder: Path) -> dict[str, str]:
    """Return each network's hash."""
    text = (folder / "networks.json").read_text(encoding="utf-8")
    hashes: dict[str, str] = json.loads(text)
    return hashes


def main() -> int:
    """Keep the results of steps and networks that are new or whose version was raised."""
    with tempfile.TemporaryDirectory() as root:
        store = Store(Path(root))
        store.prepare()
        results = made(store, *TARGETS, *SLOW_TARGETS, *BUILT, ARCHITECTURES)[0].results

        def folder(step: Step) -> Path:
            result = results[step]
            if isinstance(result, Failure):
                sys.exit(f"{step.title()}: {result.reason}")
            return result.folder

        kept_steps, kept_networks = KEPT.get("steps", {}), KEPT.get("networks", {})
        steps = {
            name: _kept(
                kept_steps.get(name), _version(name, step), "result", summary(folder(step) / below)
            )
            for name, (step, below) in EXAMPLES.items()
        }
        hashes = {
            name: _kept(kept_networks.get(name), networks.version(name), "config_sha256", value)
            for name, value in networks_of(folder(ARCHITECTURES)).items()
        }
    text = json.dumps({"steps": steps, "networks": hashes}, indent=1, sort_keys=True)
    FILE.write_text(text + "\n", encoding="utf-8")
    return 0


def _kept(before: dict[str, Any] | None, version: int, name: str, value: Any) -> dict[str, Any]:
    if before is not None and before["version"] == version:
        return before
    return {"version": version, name: value}


def _version(name: str, step: Step) -> int:
    """Return the version of the step that an example is of; some run it inside another."""
    class_name = name.split(",", maxsplit=1)[0]
    if type(step).__name__ == class_name:
        return step.version
    from tests.steps.test_kept_results import step_classes

    return step_classes()[class_name].version


if __name__ == "__main__":
    sys.exit(main())
