"""Proving the gate on a machine: comparisons whose truth is known, and what it said of them."""
