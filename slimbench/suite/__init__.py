"""The files of a suite: profiles, budgets, variants, and whatever it adds to the library."""
