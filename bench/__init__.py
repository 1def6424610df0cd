"""The benchmark suite: profiles, budgets, variants, and one test file for each benchmark."""
