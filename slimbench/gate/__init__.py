"""The regression gate: a candidate's run against a baseline's, with neither pytest nor TensorFlow.

What is exact is compared exactly; times are taken anew, both files side by side, since a stored
time says more about the minute it was taken in than about the file.
"""

FEWEST_PROCESSES = 4
"""In which each pair is timed at first. A second look then has 8, of which the smallest p-value is
1 / 256."""

MOST_PROCESSES = 25
"""A suspect is timed in twice as many, which takes minutes."""
