"""Recorded conversations: which there are, where they lie, who may hear them, how loud they are."""
