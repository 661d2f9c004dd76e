"""FastAGI: Asterisk asks, we answer."""
