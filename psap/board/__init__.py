"""The wallboard's figures."""
