"""How a variant is made: one file for each step."""
