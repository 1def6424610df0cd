"""Reading and editing TensorFlow Lite files."""
