"""A run of the benchmarks: the plan, the session, the cases and the document that is saved."""
