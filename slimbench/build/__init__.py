"""Building chains of steps: recipe keys, the artifact store, the scheduler and its workers."""
