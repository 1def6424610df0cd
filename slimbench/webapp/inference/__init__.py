"""The inference runtime: interpreters for each model, places, deadlines and batches."""

from slimbench.webapp.inference.service import Serving, open_service

__all__ = ["Serving", "open_service"]
