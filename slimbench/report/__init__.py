"""What people see of a history: tables and charts, without pytest or TensorFlow."""
