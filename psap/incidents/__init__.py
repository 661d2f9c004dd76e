"""Incidents: what a call was about, and who was told."""
