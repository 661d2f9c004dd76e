"""Callers: who is calling, their reputation, and the blocks that follow from it."""
