"""What an export says of itself: the metadata inside its model, and a card of its figures.

Metadata are the names of the classes and what becomes of a pixel before it is the input; the card
has what was measured, where and on what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from slimbench import datasets
from slimbench.build.store import Artifact, file_sha256
from slimbench.datasets.photos.labelling import BACKGROUND, imagenet_classes
from slimbench.export.source import Source
from slimbench.history import rebuild_command
from slimbench.history.machine import UNKNOWN, cpu
from slimbench.history.record import Entry
from slimbench.spec import Unmeasured
from slimbench.steps.export import SAVED_MODEL_FOLDER
from slimbench.tflite.metadata import LABELS_FILE, Metadata, normalization
from slimbench.tflite.model import class_count

CARD = 1
"""The `card` number that this version writes."""

_FIGURES = (
    "accuracy_top1",
    "accuracy_n",
    "accuracy_ci95",
    "eval_sha256",
    "accuracy_drop",
    "latency_ms",
    "speedup",
    "init_ms",
    "first_invoke_ms",
    "peak_rss_mb",
)
"""Of each measurement, keys as in a history's `extra_info`."""

MetadataFrom = Literal["export", "original"]
"""Whether the metadata was added, or was in the file as it was measured."""

IMAGENET = "imagenet"
"""The data set of networks that were trained elsewhere, on ImageNet's 1,000 classes."""


@dataclass(frozen=True, slots=True)
class Described:
    """Metadata for a file, and for each part that is missing, why."""

    metadata: Metadata
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, for the card; paths are in the exported folder."""

    model: Path
    metadata: Metadata
    metadata_from: MetadataFrom
    saved_model: Artifact | None
    reasons: Mapping[str, str]
    """Why there is no SavedModel, label or normalisation, where there is none."""


def describe(source: Source, licence: str | None) -> Described:
    """Return the metadata of an exported file; `licence` is that of its weights."""
    reasons: dict[str, str] = {}
    entry = source.entries[0]
    labels = _class_names(source, class_count(source.model))
    if isinstance(labels, Unmeasured):
        reasons["labels"] = labels.reason
    scale = normalization(source.pixels)
    if scale is None:
        reasons["input.normalization"] = f"metadata cannot express the pixel mode {source.pixels}"
    metadata = Metadata(
        name=source.variant,
        description=f"Image classifier, classes of {entry.dataset}.",
        licence=licence,
        labels=None if isinstance(labels, Unmeasured) else labels,
        mean=None if scale is None else scale[0],
        std=None if scale is None else scale[1],
        channels=entry.input_shape[-1],
    )
    return Described(metadata, reasons)


def card(source: Source, exported: Exported, licence: str | None, slimbench: str) -> dict[str, Any]:
    """Return the card as JSON; every figure is the run's, and every null has its reason."""
    first, history = source.entries[0], source.history
    reasons = dict(exported.reasons)
    if licence is None:
        reasons["weights_licence"] = (
            f"none was recorded for weights from {source.notes['weights']}"
            if "weights" in source.notes
            else "they were trained by this chain, which records no licence"
        )
    for key in ("size_gzip_bytes", "size_bytes"):
        if getattr(first, key) is None:
            reasons[f"measured_file.{key}"] = first.reasons[key]
    return {
        "card": CARD,
        "variant": source.variant,
        "profile": history.profile,
        "dataset": first.dataset,
        "chain": dict(source.chain),
        "model": {
            "file": exported.model.name,
            "sha256": file_sha256(exported.model),
            "size_bytes": exported.model.stat().st_size,
            "metadata_from": exported.metadata_from,
        },
        "measured_file": {
            "sha256": first.model_sha256,
            "size_bytes": first.size_bytes,
            "size_gzip_bytes": first.size_gzip_bytes,
        },
        "input": {"shape": list(first.input_shape), "normalization": _normalization(exported)},
        "labels": _labels(exported.metadata),
        "saved_model": _saved_model(exported),
        "measurements": [_measurement(entry) for entry in source.entries],
        "run": _run(source),
        "weights_licence": licence,
        "exported": {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "slimbench": slimbench,
        },
        "reasons": reasons,
    }


def _class_names(source: Source, classes: int) -> tuple[str, ...] | Unmeasured:
    dataset = source.entries[0].dataset
    known = datasets.all_datasets()
    if rebuild_command.is_user_profile(source.history.profile):
        if not source.classes:
            return Unmeasured(_without_names(source.entries[0]))
        names = source.classes
    elif dataset in known:
        names = known[dataset].classes
    elif dataset == IMAGENET:
        names = tuple(imagenet_classes().values())
        names = (BACKGROUND, *names) if classes == len(names) + 1 else names
    else:
        return Unmeasured(f"the class names of data set {dataset} are not known here")
    if len(names) != classes:
        return Unmeasured(f"{dataset} has {len(names)} classes, the file {classes}")
    return names


def _without_names(entry: Entry) -> str:
    if entry.eval_sha256 is None:
        return "it was measured without data, so nothing names its classes; measure it with --data"
    return "the images it was scored on, which name its classes, are no longer in the store"


def _normalization(exported: Exported) -> dict[str, list[float]] | None:
    metadata = exported.metadata
    if metadata.mean is None or metadata.std is None:
        return None
    return {"mean": list(metadata.mean), "std": list(metadata.std)}


def _labels(metadata: Metadata) -> dict[str, Any] | None:
    if not metadata.labels:
        return None
    return {"file_in_model": LABELS_FILE, "count": len(metadata.labels)}


def _saved_model(exported: Exported) -> dict[str, Any] | None:
    artifact = exported.saved_model
    if artifact is None:
        return None
    start = f"{SAVED_MODEL_FOLDER}/"
    return {
        "folder": SAVED_MODEL_FOLDER,
        "what": "the float network before conversion and any quantisation",
        "files": {name: sha for name, sha in artifact.files.items() if name.startswith(start)},
    }


def _measurement(entry: Entry) -> dict[str, Any]:
    figures = {key: getattr(entry, key) for key in _FIGURES}
    if entry.latency_ms is not None:
        figures["latency_ms"] = asdict(entry.latency_ms)
    if entry.accuracy_ci95 is not None:
        figures["accuracy_ci95"] = list(entry.accuracy_ci95)
    return {
        "engine": entry.case.engine,
        "threads": entry.case.threads,
        "runtime_options": dict(entry.runtime_options),
        "reference": entry.reference,
        **figures,
        "reasons": {
            key: why for key, why in entry.reasons.items() if key.partition(".")[0] in _FIGURES
        },
    }


def _run(source: Source) -> dict[str, Any]:
    history = source.history
    return {
        "file": history.path.name,
        "status": history.status,
        "taken": history.taken.isoformat(),
        "seed": history.seed,
        "commit": history.commit,
        "dirty": history.dirty,
        "versions": dict(history.versions),
        "machine": {
            "cpu": cpu(history.machine),
            "system": _text(history.machine, "system"),
            "architecture": _text(history.machine, "machine"),
        },
        "warnings": list(history.preflight.warnings),
    }


def _text(machine: Mapping[str, Any], key: str) -> str:
    value = machine.get(key)
    return value if isinstance(value, str) and value.strip() else UNKNOWN
