"""How a model behaves behind a server: load that is sent, servers that are compared, figures.

Nothing here imports TensorFlow or pytest.
"""
