"""A user's own models: what their files say of themselves, and the run that measures them."""
