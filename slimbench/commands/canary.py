"""`slimbench canary`: what a server's metrics say of the canary beside the stable version."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from slimbench.commands import Command, add_output, emit
from slimbench.errors import UsageProblem

VARIABLE = "SLIMBENCH_SERVE_MANIFEST"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where the metrics are, which versions are meant, and how the answer is shown."""
    parser.add_argument(
        "metrics",
        metavar="METRICS",
        help="a file, - for standard input, or an address such as http://127.0.0.1:5000/metrics",
    )
    parser.add_argument(
        "--manifest", type=Path, help=f"which names stable and canary (${VARIABLE})"
    )
    parser.add_argument("--stable", metavar="VERSION", help="instead of the manifest's")
    parser.add_argument("--canary", metavar="VERSION", help="instead of the manifest's")
    add_output(parser, ("table", "json"))


def run(arguments: argparse.Namespace) -> int:
    """Show the comparison; 0 whatever it says, since different clients were answered."""
    try:
        from slimbench.webapp import canary_report  # noqa: PLC0415 - an extra that need not be there
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        raise UsageProblem(
            "Metrics are read with prometheus_client: pip install 'slimbench[serve]'."
        ) from error

    stable, canary = arguments.stable, arguments.canary
    if stable is None or canary is None:
        manifest = arguments.manifest or os.environ.get(VARIABLE)
        if not manifest:
            raise UsageProblem(
                "Which versions are compared? Name a manifest with --manifest, "
                "or both with --stable and --canary."
            )
        named = canary_report.versions_of(Path(manifest))
        stable, canary = stable or named[0], canary or named[1]
    report = canary_report.compare(canary_report.read_metrics(arguments.metrics), stable, canary)
    shown = {"table": canary_report.table, "json": canary_report.as_json}
    emit(shown[arguments.format](report), arguments.output)
    return 0


COMMAND = Command(
    "canary", "Compare a server's canary with its stable version.", add_arguments, run
)
