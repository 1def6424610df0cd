"""The benchmark suite: what is measured, on what, by what, and what is read off."""
