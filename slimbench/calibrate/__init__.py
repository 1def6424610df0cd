"""Calibration of the gate on a machine: its error rates in comparisons whose truth is known."""
