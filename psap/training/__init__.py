"""Training: simulated callers, what the trainee did with them, and how good that was."""
