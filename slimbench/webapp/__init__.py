"""The web application: it serves the model that was benchmarked, with its real figures."""
