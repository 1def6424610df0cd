"""Virtual environments that need no network: with the runtime of this one, or without any."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

PACKAGE = "ai-edge-litert"


def bare(folder: Path) -> Path:
    """Make an environment with nothing in it."""
    venv.create(folder, symlinks=True)
    return folder


def with_runtime(folder: Path, version: str) -> Path:
    """Make an environment that runs this one's packages and calls the runtime this version."""
    bare(folder)
    (site,) = folder.glob("lib/python*/site-packages")
    here = [path for path in sys.path if path.endswith("site-packages")]
    (site / "here.pth").write_text("\n".join(here))
    said = site / f"ai_edge_litert-{version}.dist-info"
    said.mkdir()
    (said / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n")
    return folder
