"""Take Chart.js from its npm package into the web application, with its licence and hash.

Run as `python scripts/vendor_chartjs.py 4.6.1`; it needs npm. The page loads this copy and nothing
from anywhere else.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "slimbench" / "webapp" / "static" / "vendor"
BUILD = "chart.umd.min.js"


def main() -> int:
    """Fetch the version that is asked for and write the build, its licence and `chart.json`."""
    if len(sys.argv) != 2:
        print("Say which version, such as: python scripts/vendor_chartjs.py 4.6.1", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", f"chart.js@{sys.argv[1]}"],  # noqa: S607
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        with tarfile.open(Path(folder) / packed.stdout.split()[-1]) as archive:
            about = json.loads(_read(archive, "package.json"))
            build = _read(archive, f"dist/{BUILD}")
            licence = _read(archive, "LICENSE.md")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / BUILD).write_bytes(build)
    (FOLDER / "chart.LICENSE.md").write_bytes(licence)
    note = {
        "package": about["name"],
        "version": about["version"],
        "licence": about["license"],
        "licence_file": "chart.LICENSE.md",
        "file": BUILD,
        "path_in_package": f"dist/{BUILD}",
        "sha256": hashlib.sha256(build).hexdigest(),
    }
    (FOLDER / "chart.json").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    print(f"{about['name']} {about['version']}, sha256 {note['sha256']}")
    return 0


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(f"package/{name}")
    if member is None:
        raise FileNotFoundError(f"The package has no file {name}.")
    return member.read()


if __name__ == "__main__":
    sys.exit(main())
