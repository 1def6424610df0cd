"""The regression gate: a candidate's run against a baseline's, with neither pytest nor TensorFlow.

What is exact is compared exactly; times are taken anew, both files side by side, since a stored
time says more about the minute it was taken in than about the file.
"""
