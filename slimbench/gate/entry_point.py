"""Starts a module of this checkout in another environment: `python -I entry_point.py MODULE`.

That environment need not have slimbench, and must not lend its own: of everything around here the
package `slimbench` alone can be imported, so that each runtime is the environment's. Older Pythons
can read this file too, to say that they are too old.
"""

import importlib.util
import runpy
import sys
from pathlib import Path

OLDEST = (3, 11)


def _main() -> None:
    if sys.version_info < OLDEST:
        sys.exit(
            "Python {}.{} is needed there, this is {}.{}".format(*OLDEST, *sys.version_info[:2])
        )
    folder = Path(__file__).resolve().parent.parent
    spec = importlib.util.spec_from_file_location(
        "slimbench", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        sys.exit(f"{folder} is not the package that it was")
    package = importlib.util.module_from_spec(spec)
    sys.modules["slimbench"] = package
    spec.loader.exec_module(package)
    runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
