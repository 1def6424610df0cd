"""The files of a suite: profiles, variants, and whatever it adds to the library."""
