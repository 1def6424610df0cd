"""How a variant is made: one file for each step, and the store that keeps what they made."""
