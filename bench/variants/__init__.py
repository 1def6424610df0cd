"""What is measured: one file for each technique or family."""
