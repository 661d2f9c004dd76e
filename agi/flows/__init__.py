"""The flows of a call before the queue, as plain readable code."""
