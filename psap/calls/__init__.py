"""Calls: one record for every call that reached Asterisk."""
