"""Queue: who waits and who can answer."""
