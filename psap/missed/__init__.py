"""Missed calls: who was lost in gate or queue, and how each is called back, once."""
