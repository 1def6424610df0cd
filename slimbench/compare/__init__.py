"""Saved runs side by side: unpaired, so a picture to look at and never a verdict."""
