"""How a model is timed, started and scored."""
