"""Refresh requirements.lock: every package pinned with hashes, for all platforms and Pythons.

Resolves with uv in an environment that is thrown away, so that the project does not depend on it.
Run it as `make lock` after changing the dependencies in pyproject.toml, or to take newer versions.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
HEADER = "# Made from pyproject.toml by `make lock`. Installed with --require-hashes.\n"


def main() -> None:
    """Resolve and write the lock; it holds no registry's address."""
    lock = CHECKOUT / "requirements.lock"
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        resolved = subprocess.run(
            [
                *(python, "-m", "uv", "pip", "compile", "--quiet", "--universal"),
                *("--generate-hashes", "--python-version", "3.11", "--all-extras"),
                *("--no-annotate", "--no-header", "--no-emit-index-url", "--upgrade"),
                str(CHECKOUT / "pyproject.toml"),
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    if "://" in resolved:
        sys.exit("The resolution holds an address; it is not written.")
    lock.write_text(HEADER + resolved, encoding="utf-8")
    print(f"{lock.name}: {sum(line[:1].isalnum() for line in resolved.splitlines())} packages")


if __name__ == "__main__":
    main()
