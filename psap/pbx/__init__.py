"""Asterisk's configuration and prompts, made from readable files and a city's profile."""
