"""The Python files of the suite in use, under a private name.

`slimbench._suite.variants.digits` is `variants/digits.py` in that suite's folder. So a project may
have packages of its own called `bench` or `variants`, and child processes find the same files.
"""

from slimbench.paths import suite_folder

__path__ = [str(suite_folder())]
