"""How a model behaves behind a server: load tests, the compared servers, their figures.

Nothing here imports TensorFlow or pytest.
"""
