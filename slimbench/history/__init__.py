"""The JSON histories: reading, writing and finding them, without pytest or TensorFlow."""
