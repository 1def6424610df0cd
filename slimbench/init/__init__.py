"""A suite of one's own: the reference suite's Python files, and what is generated for a model."""
