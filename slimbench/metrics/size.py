"""How large a model's file is, also against the reference's, and which file it is."""

from __future__ import annotations

import hashlib
import operator

from slimbench.metrics.against_reference import AgainstReference
from slimbench.spec import BudgetForm, Figure, Group, Kind, Metric, Reading, Subject
from slimbench.steps.gzip_size import gzip_size


class Size:
    """The file's sha256, its bytes, and its bytes after gzip."""

    keys: tuple[str, ...] = ("model_sha256", "size_bytes", "size_gzip_bytes")
    figures: tuple[Figure, ...] = (
        Figure(
            "size_bytes",
            "bytes",
            better="less",
            label="Size",
            label_fr="Taille",
            title="Size of the model file",
            column="size",
            exact=True,
            budgets=(
                BudgetForm("size_bytes_max", "bytes", lambda size: size),
                BudgetForm("size_mb_max", "MiB", lambda size: size / 2**20),
            ),
        ),
        Figure(
            "size_gzip_bytes",
            "bytes",
            better="less",
            label="gzip",
            title="Size of the model file after gzip",
            column="gzip",
            exact=True,
            tolerance=0.01,
        ),
    )
    group: Group = "size"
    kind: Kind = "measure"

    def read(self, subject: Subject) -> Reading:
        """Take the compressed size from the build if it was counted there: it takes long."""
        content = subject.model.read_bytes()
        known = subject.gzip_size
        return {
            "model_sha256": hashlib.sha256(content).hexdigest(),
            "size_bytes": len(content),
            "size_gzip_bytes": gzip_size(content) if known is None else known,
        }


SIZE_RATIO = AgainstReference(
    Figure(
        "size_ratio",
        "ratio",
        better="less",
        label="Share of the reference's size",
        label_fr="Part de la taille de la référence",
        exact=True,
        against_reference=True,
    ),
    "size_bytes",
    operator.truediv,
    group="size",
    kind="other",
)
"""Own bytes / the reference's bytes, not compressed; below 1 is smaller."""

METRICS: tuple[Metric, ...] = (Size(), SIZE_RATIO)
