"""A user's models: what their files are, how they are to be fed, and the run that measures them."""
