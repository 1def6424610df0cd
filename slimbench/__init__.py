"""Slim image classifiers down, measure each variant, hold it to budgets."""
