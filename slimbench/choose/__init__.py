"""Choosing a variant of a saved run: the best that keeps some limits, and what each limit costs."""
