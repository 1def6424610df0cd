"""What pytest does in a run of a suite: its options, cases, progress lines and saved history.

The suite's `conftest.py` loads these plugins beside its own fixtures. They lie in the library, so
that a suite which was written for an older version gets them from the one that is installed.
"""
