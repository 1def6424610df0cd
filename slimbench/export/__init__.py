"""Exporting a variant: its model with metadata, its SavedModel, and a card of its figures."""
